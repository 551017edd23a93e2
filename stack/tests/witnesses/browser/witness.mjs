// Chromium, as people have it: sign-in, consent and sign-out by keyboard alone, in English and Chinese, under the policy
// that the pages are sent with. Screenshots go to $OUTPUT.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { env } from 'node:process';
import { chromium } from 'playwright-core';

const client = JSON.parse(await readFile(`${env.CLIENTS}/web.json`));
const [redirectUri] = client.redirect_uris;
const server = await (await fetch(`${env.ISSUER}/.well-known/openid-configuration`)).json();

// The client's own page, which shows what it was sent.
const site = createServer((request, response) => {
	response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
	response.end('<!doctype html><link rel="icon" href="data:,"><title>client</title><h1>Back at the client</h1>');
}).listen(Number(env.CALLBACK_PORT), '127.0.0.1');

const browser = await chromium.launch({
	executablePath: '/usr/bin/chromium',
	args: [
		'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync', '--no-proxy-server',
	],
});

/** A new person with a browser of their own. Whatever the console complains of is collected. */
async function open(options) {
	const context = await browser.newContext({ viewport: { width: 900, height: 800 }, ...options });
	const page = await context.newPage();
	const complaints = [];
	page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
	page.on('pageerror', (error) => complaints.push(String(error)));
	page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure().errorText}`));
	return { context, page, complaints };
}

function authorization(more = {}) {
	const verifier = randomBytes(32).toString('base64url');
	const url = new URL(server.authorization_endpoint);
	url.search = new URLSearchParams({
		client_id: client.client_id,
		redirect_uri: redirectUri,
		response_type: 'code',
		scope: 'openid profile offline_access books:read books:write',
		code_challenge: createHash('sha256').update(verifier).digest('base64url'),
		code_challenge_method: 'S256',
		state: 'a state',
		...more,
	});
	return { url: url.href, verifier };
}

/** The text of the element that has the focus, or its name. */
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.name);

async function redeem(code, verifier) {
	const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64');
	const body = new URLSearchParams({
		grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier,
	});
	const response = await fetch(server.token_endpoint, { method: 'POST', headers: { authorization: `Basic ${basic}` }, body });
	assert.equal(response.status, 200);
	return response.json();
}

async function journey({ name, texts, ...options }) {
	const { context, page, complaints } = await open(options);
	const shot = (step) => page.screenshot({ path: `${env.OUTPUT}/${name}-${step}.png`, fullPage: true });
	const heading = async (wanted) => assert.match(await page.getByRole('heading', { level: 1 }).innerText(), wanted);
	const { url, verifier } = authorization({ prompt: 'consent' });

	const response = await page.goto(url);
	const policy = response.headers()['content-security-policy'];
	assert.match(policy, /default-src 'none'/);
	assert.match(policy, /frame-ancestors 'none'/);
	assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
	await heading(texts.signIn);
	assert.match(await page.locator('html').getAttribute('lang'), texts.lang);
	await shot('1-sign-in');

	// By keyboard: the first field has the focus, Tab goes on, Enter sends.
	assert.equal(await focused(page), 'username');
	await page.keyboard.type('test');
	await page.keyboard.press('Tab');
	assert.equal(await focused(page), 'password');
	await page.keyboard.type('not the password');
	await page.keyboard.press('Enter');
	const alert = page.getByRole('alert');
	await alert.waitFor();
	assert.match(await alert.innerText(), texts.wrong);
	assert.equal(await page.locator('#username').inputValue(), 'test');
	assert.equal(await page.locator('#password').inputValue(), '');
	assert.equal(await focused(page), 'password');
	await shot('2-wrong-password');

	await page.keyboard.type('test');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/oauth2/sign-in');
	await page.locator('button[value=allow]').waitFor();
	await heading(texts.consent);
	await shot('3-consent');
	await page.keyboard.press('Tab');
	assert.match(await focused(page), texts.allow);
	await page.keyboard.press('Enter');
	await page.waitForURL(`${redirectUri}?**`);
	const answer = new URL(page.url()).searchParams;
	assert.equal(answer.get('state'), 'a state');
	assert.equal(answer.get('iss'), env.ISSUER);
	const tokens = await redeem(answer.get('code'), verifier);

	// Signed in now: no page for another request.
	await page.goto(authorization({ prompt: 'none' }).url);
	assert.ok(new URL(page.url()).searchParams.has('code'));
	const cookies = await context.cookies(env.ISSUER);
	assert.ok(cookies.length > 0 && cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === 'Lax'));

	// Sign-out without a hint asks; by keyboard again.
	await page.goto(server.end_session_endpoint);
	await heading(texts.signOut);
	await shot('4-sign-out');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/oauth2/logout/confirm');
	await heading(texts.signedOut);
	await shot('5-signed-out');
	await page.goto(authorization({ prompt: 'none' }).url);
	assert.equal(new URL(page.url()).searchParams.get('error'), 'login_required');

	// With the ID token of a session that is over, straight back to the client.
	const end = new URL(server.end_session_endpoint);
	end.search = new URLSearchParams({
		id_token_hint: tokens.id_token, post_logout_redirect_uri: client.post_logout_redirect_uris[0], state: 'bye',
	});
	await page.goto(end.href);
	assert.equal(page.url(), `${client.post_logout_redirect_uris[0]}?state=bye`);

	// An error that cannot be sent anywhere is said here.
	await page.goto(authorization({ redirect_uri: 'https://elsewhere.example/' }).url);
	await page.getByRole('heading', { level: 1 }).waitFor();
	await shot('6-trouble');
	// Chromium writes a line for each page with an error status, which these two are meant to have.
	const unexpected = complaints.filter((text) => !/the server responded with a status of 4\d\d/.test(text));
	assert.deepEqual(unexpected, []);
	await context.close();
}

await journey({
	name: 'english', locale: 'en-GB',
	texts: {
		lang: /^en/, signIn: /Sign in/, wrong: /password/i, consent: /A web application|Web/, allow: /Allow/,
		signOut: /Sign out/, signedOut: /signed out/i,
	},
});
await journey({
	name: 'chinese-dark', locale: 'zh-CN', colorScheme: 'dark',
	texts: { lang: /^zh/, signIn: /登录/, wrong: /密码/, consent: /./, allow: /允许|同意/, signOut: /退出|登出/, signedOut: /退出|登出/ },
});
await journey({
	name: 'phone', locale: 'en-US', viewport: { width: 320, height: 640 }, javaScriptEnabled: true,
	texts: {
		lang: /^en/, signIn: /Sign in/, wrong: /password/i, consent: /./, allow: /Allow/, signOut: /Sign out/, signedOut: /signed out/i,
	},
});

await browser.close();
site.close();
console.log('browser: Chromium signs in, consents and signs out by keyboard, in English and Chinese, and its console stays silent');
