// jose verifies access tokens as a resource server would, with nothing but `jwks_uri`, while the keys change under it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { env } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';

const metadata = await (await fetch(`${env.ISSUER}/.well-known/openid-configuration`)).json();
const client = JSON.parse(await readFile(`${env.CLIENTS}/robot.json`));
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

async function token() {
	const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64');
	const response = await fetch(metadata.token_endpoint, {
		method: 'POST',
		headers: { authorization: `Basic ${basic}` },
		body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'books:read' }),
	});
	assert.equal(response.status, 200);
	return (await response.json()).access_token;
}

async function verify(accessToken) {
	const { payload, protectedHeader } = await jwtVerify(accessToken, keys, {
		issuer: metadata.issuer,
		audience: 'books',
		typ: 'at+jwt',
		algorithms: ['RS256'],
		requiredClaims: ['sub', 'exp', 'iat', 'jti', 'client_id'],
	});
	assert.equal(payload.client_id, client.client_id);
	return protectedHeader.kid;
}

const first = await token();
const old = await verify(first);
// The next key is published at once, and signs after AUTH_KEY_ANNOUNCE.
await promisify(execFile)(env.AUTH_SERVICE, ['keys', 'rotate']);

let verified = 0;
for (const deadline = Date.now() + 100_000; ; verified++) {
	assert.ok(Date.now() < deadline, `the new key does not sign after 100 s; ${verified} tokens were good`);
	const next = await token();
	const kid = await verify(next);
	if (kid !== old) break;
	await sleep(250);
}
// What the old key has signed stays good.
assert.equal(await verify(first), old);
// A key that nobody has published is refused.
const [header, ...rest] = first.split('.');
const stranger = Buffer.from(JSON.stringify({ ...decodeProtectedHeader(first), kid: 'stranger' })).toString('base64url');
assert.ok(header !== stranger);
await assert.rejects(jwtVerify([stranger, ...rest].join('.'), keys), { code: 'ERR_JWKS_NO_MATCHING_KEY' });

console.log(`jose: ${verified} tokens verified while the key changed, none refused`);
