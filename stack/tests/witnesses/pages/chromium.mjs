// Chromium for people, whose consoles must stay silent.
import assert from 'node:assert/strict';
import { env } from 'node:process';
import { chromium } from 'playwright-core';

const browser = await chromium.launch({
	executablePath: '/usr/bin/chromium',
	args: [
		'--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
		'--disable-component-update', '--disable-sync', '--no-proxy-server',
	],
});

/** A new person with a browser of their own. `close` fails on what the console complained of, but for what is `expected`. */
export async function person({ expected = /^$/, ...options } = {}) {
	const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, locale: 'en-GB', ...options });
	const complaints = [];
	context.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
	context.on('weberror', (error) => complaints.push(String(error.error())));
	context.setDefaultTimeout(15000);
	const page = await context.newPage();
	const shot = (name) => page.screenshot({ path: `${env.OUTPUT}/${name}.png` });
	async function close() {
		assert.deepEqual(complaints.filter((text) => !expected.test(text)), []);
		await context.close();
	}
	return { context, page, shot, close };
}

/** Fills in the sign-in page. */
export async function signIn(page, username, password) {
	await page.locator('#username').fill(username);
	await page.locator('#password').fill(password);
	await page.keyboard.press('Enter');
}

export const end = () => browser.close();
