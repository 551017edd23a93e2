// openid-client, a certified relying party: every flow that it knows and that the provider offers.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { env } from 'node:process';
import * as oidc from 'openid-client';
import { Person } from '../people.mjs';

const issuer = new URL(env.ISSUER);
const account = { username: 'test', password: 'test' };
const SCOPE = 'openid profile offline_access books:read';

const registered = async (name) => JSON.parse(await readFile(`${env.CLIENTS}/${name}.json`));

/** Learns everything from the issuer's URL. Plain http is for the loopback interface. */
const discover = (client, authentication) =>
	oidc.discovery(issuer, client.client_id, undefined, authentication, {
		execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
	});

/** Sends somebody through the pages, and exchanges the code. */
async function signIn(config, client, person, { push = false, ...more } = {}) {
	const verifier = oidc.randomPKCECodeVerifier();
	const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
	const parameters = {
		redirect_uri: client.redirect_uris[0],
		scope: SCOPE,
		code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
		code_challenge_method: 'S256',
		state,
		nonce,
		...more,
	};
	const build = push ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl;
	const callback = await person.visit(await build(config, parameters), client.redirect_uris[0]);
	const maxAge = more.max_age && Number(more.max_age);
	return oidc.authorizationCodeGrant(config, callback, {
		pkceCodeVerifier: verifier,
		expectedState: state,
		expectedNonce: nonce,
		idTokenExpected: true,
		maxAge,
	});
}

/** Refresh, userinfo, introspection, revocation, sign-out, with the tokens of one sign-in. */
async function afterwards(config, client, person, tokens) {
	const { sub, preferred_username: name } = tokens.claims();
	assert.equal(name, 'test');
	assert.equal(tokens.token_type, 'bearer');
	assert.ok(tokens.expiresIn() > 0);

	const info = await oidc.fetchUserInfo(config, tokens.access_token, sub);
	assert.deepEqual(info, { sub, preferred_username: 'test' });

	const books = await oidc.fetchProtectedResource(config, tokens.access_token, new URL('/books', issuer), 'GET');
	assert.equal(books.status, 200);

	const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
	assert.notEqual(next.refresh_token, tokens.refresh_token);
	assert.equal(next.claims().sub, sub);
	const narrow = await oidc.refreshTokenGrant(config, next.refresh_token, { scope: 'books:read' });
	assert.equal(narrow.scope, 'books:read');

	if (client.token_endpoint_auth_method !== 'none') {
		const alive = await oidc.tokenIntrospection(config, narrow.refresh_token);
		assert.ok(alive.active && alive.client_id === client.client_id);
		assert.ok((await oidc.tokenIntrospection(config, next.access_token)).active);
		assert.deepEqual(await oidc.tokenIntrospection(config, 'nonsense'), { active: false });
	}
	await oidc.tokenRevocation(config, narrow.refresh_token);
	await assert.rejects(oidc.refreshTokenGrant(config, narrow.refresh_token), { error: 'invalid_grant' });

	const end = oidc.buildEndSessionUrl(config, {
		id_token_hint: tokens.id_token,
		post_logout_redirect_uri: client.post_logout_redirect_uris[0],
		state: 'bye',
	});
	const home = await person.visit(end, client.post_logout_redirect_uris[0]);
	assert.equal(home.searchParams.get('state'), 'bye');
}

const flows = {
	async 'code, client_secret_basic'() {
		const client = await registered('web');
		const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
		const person = new Person(account);
		const tokens = await signIn(config, client, person);
		assert.deepEqual(person.pressed, ['sign_in', 'allow']);
		assert.ok(tokens.claims().auth_time && tokens.claims().at_hash);

		// The same browser again: nobody is asked anything. A small max_age asks for the password anew.
		await signIn(config, client, person, { prompt: 'none' });
		assert.deepEqual(person.pressed, ['sign_in', 'allow']);
		await signIn(config, client, person, { max_age: '3600' });
		await signIn(config, client, person, { prompt: 'login', max_age: '60' });
		assert.deepEqual(person.pressed, ['sign_in', 'allow', 'sign_in']);
		await afterwards(config, client, person, await signIn(config, client, person));

		const stranger = new Person(account);
		await assert.rejects(signIn(config, client, stranger, { prompt: 'none' }), { error: 'login_required' });
		const shy = new Person({ ...account, decision: 'deny' });
		await assert.rejects(signIn(config, client, shy, { prompt: 'consent' }), { error: 'access_denied' });
	},
	async 'code, client_secret_post'() {
		const client = await registered('web');
		const config = await discover(client, oidc.ClientSecretPost(client.client_secret));
		const person = new Person(account);
		await afterwards(config, client, person, await signIn(config, client, person));
	},
	async 'code, public client'() {
		const client = await registered('native');
		const config = await discover(client, oidc.None());
		const person = new Person(account);
		await afterwards(config, client, person, await signIn(config, client, person));
	},
	async 'code, private_key_jwt'() {
		const client = await registered('signer');
		const config = await discover(client, oidc.PrivateKeyJwt(await signingKey()));
		const person = new Person(account);
		await afterwards(config, client, person, await signIn(config, client, person));
	},
	async 'pushed request'() {
		const client = await registered('pusher');
		const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
		const person = new Person(account);
		await afterwards(config, client, person, await signIn(config, client, person, { push: true }));
		await assert.rejects(signIn(config, client, new Person(account)), { error: 'invalid_request' });
	},
	async 'client credentials'() {
		const client = await registered('robot');
		const config = await discover(client, oidc.ClientSecretBasic(client.client_secret));
		const tokens = await oidc.clientCredentialsGrant(config, { scope: 'books:read' });
		assert.equal(tokens.scope, 'books:read');
		assert.equal(tokens.refresh_token, undefined);
		const books = await oidc.fetchProtectedResource(config, tokens.access_token, new URL('/books', issuer), 'GET');
		assert.equal(books.status, 200);
		await assert.rejects(oidc.clientCredentialsGrant(config, { scope: 'auth:admin' }), { error: 'invalid_scope' });
		await assert.rejects(oidc.clientCredentialsGrant(config, { resource: 'urn:other' }), { error: 'invalid_target' });
		const impostor = await discover(client, oidc.ClientSecretBasic('wrong'));
		// RFC 6749 §5.2: whoever uses HTTP Basic gets a challenge for it.
		await assert.rejects(oidc.clientCredentialsGrant(impostor), (error) => {
			assert.equal(error.status, 401);
			assert.equal(error.cause[0].scheme, 'basic');
			return true;
		});
	},
	async 'device'() {
		const client = await registered('tv');
		const config = await discover(client, oidc.None());
		const device = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE });
		const polling = oidc.pollDeviceAuthorizationGrant(config, device);
		const person = new Person({ ...account, userCode: device.user_code });
		await person.visit(device.verification_uri);
		assert.ok(person.pressed.includes('allow'));
		const tokens = await polling;
		assert.equal(tokens.claims().preferred_username, 'test');
		await oidc.refreshTokenGrant(config, tokens.refresh_token);
	},
};

async function signingKey() {
	const pem = await readFile(`${env.CLIENTS}/signer.pem`);
	const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
	const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
	return { key: await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']), kid: 'signer' };
}

for (const [name, flow] of Object.entries(flows)) {
	await flow().catch((error) => {
		throw new Error(`${name}: ${error.message}`, { cause: error });
	});
}
console.log(`openid-client: ${Object.keys(flows).join('; ')}`);
