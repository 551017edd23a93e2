// oauth4webapi, which leaves every check to be called by name: all of them are called here.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { env } from 'node:process';
import * as oauth from 'oauth4webapi';
import { Person } from '../people.mjs';

const client = JSON.parse(await readFile(`${env.CLIENTS}/web.json`));
const authentication = oauth.ClientSecretBasic(client.client_secret);
const [redirectUri] = client.redirect_uris;
// Plain http is for the loopback interface.
const http = { [oauth.allowInsecureRequests]: true };

// Discovery, as OpenID Connect and as RFC 8414 have it: one document in two places.
const issuer = new URL(env.ISSUER);
const discover = async (algorithm) =>
	oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...http }));
const server = await discover('oidc');
assert.deepEqual(await discover('oauth2'), server);
assert.ok(server.code_challenge_methods_supported.includes('S256'));

const person = new Person({ username: 'test', password: 'test' });

/** Authorization code with PKCE, `state`, `nonce`, `max_age` and RFC 9207 `iss`. */
async function code() {
	const verifier = oauth.generateRandomCodeVerifier();
	const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
	const url = new URL(server.authorization_endpoint);
	url.search = new URLSearchParams({
		client_id: client.client_id,
		redirect_uri: redirectUri,
		response_type: 'code',
		scope: 'openid profile offline_access books:read',
		code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
		code_challenge_method: 'S256',
		state,
		nonce,
		max_age: '3600',
	});
	const callback = await person.visit(url, redirectUri);
	assert.throws(() => oauth.validateAuthResponse(server, client, callback, 'another state'));
	const parameters = oauth.validateAuthResponse(server, client, callback, state);
	const response = await oauth.authorizationCodeGrantRequest(
		server, client, authentication, parameters, redirectUri, verifier, http,
	);
	const checks = { expectedNonce: nonce, maxAge: 3600, requireIdToken: true };
	const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, checks);
	// The ID token is signed with a key of `jwks_uri`, not only sent by who says so.
	await oauth.validateApplicationLevelSignature(server, response, http);

	return { tokens, replay: () => oauth.authorizationCodeGrantRequest(
		server, client, authentication, parameters, redirectUri, verifier, http,
	) };
}

const { tokens } = await code();
const claims = oauth.getValidatedIdTokenClaims(tokens);
assert.equal(claims.preferred_username, 'test');
assert.equal(tokens.token_type, 'bearer');

// Who it is.
const bearer = tokens.access_token;
const info = await oauth.userInfoRequest(server, client, bearer, http);
assert.equal((await oauth.processUserInfoResponse(server, client, claims.sub, info)).preferred_username, 'test');

// The access token is what RFC 9068 says, for a resource server with this library.
const request = new Request(new URL('/books', issuer), { headers: { authorization: `Bearer ${bearer}` } });
const granted = await oauth.validateJwtAccessToken(server, request, 'books', http);
assert.equal(granted.client_id, client.client_id);
assert.equal(granted.sub, claims.sub);
const books = await oauth.protectedResourceRequest(bearer, 'GET', new URL('/books', issuer), undefined, undefined, http);
assert.equal(books.status, 200);
// What it is refused with is an RFC 6750 challenge, which the library throws as such.
const refused = oauth.protectedResourceRequest(bearer, 'POST', new URL('/books', issuer), undefined, '{}', http);
await assert.rejects(refused, ({ cause: [challenge] }) => {
	assert.equal(challenge.scheme, 'bearer');
	assert.equal(challenge.parameters.error, 'insufficient_scope');
	return true;
});

// The resource server's metadata lead back to the issuer (RFC 9728).
const resource = issuer;
const metadata = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource, http));
assert.deepEqual(metadata.authorization_servers, [server.issuer]);

// Refresh: the next tokens are about the same person.
const refresh = async (token) => oauth.processRefreshTokenResponse(
	server, client, await oauth.refreshTokenGrantRequest(server, client, authentication, token, http),
);
const next = await refresh(tokens.refresh_token);
assert.equal(oauth.getValidatedIdTokenClaims(next).sub, claims.sub);

// Introspection, plain; revocation; and what introspection says then.
const introspect = async (token) => oauth.processIntrospectionResponse(
	server, client, await oauth.introspectionRequest(server, client, authentication, token, http),
);
assert.equal((await introspect(next.refresh_token)).active, true);
await oauth.processRevocationResponse(
	await oauth.revocationRequest(server, client, authentication, next.refresh_token, http),
);
assert.deepEqual(await introspect(next.refresh_token), { active: false });
assert.deepEqual(await introspect(next.access_token), { active: false });

// A code is good once; sent again, it ends what came of it (RFC 6749 §4.1.2).
const { tokens: stolen, replay } = await code();
await assert.rejects(
	oauth.processAuthorizationCodeResponse(server, client, await replay()),
	{ error: 'invalid_grant' },
);
assert.deepEqual(await introspect(stolen.access_token), { active: false });

console.log('oauth4webapi: discovery twice over, code with every check, userinfo, RFC 9068, refresh, introspection, revocation, replay');
