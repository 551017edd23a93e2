// The books page: a librarian adds, searches, edits with a conflict and deletes; ends a session; a reader only reads.
import assert from 'node:assert/strict';
import { env } from 'node:process';
import { person, signIn } from './chromium.mjs';

export async function librarian() {
	// Chromium writes a line for each answer with an error status, which the conflict and the empty title are meant to have.
	const { page, shot, close } = await person({ expected: /status of 4(12|22)/ });
	const status = page.locator('#status');
	await page.goto(`${env.ISSUER}/`);
	await shot('books-1-before');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await signIn(page, 'test', 'test');
	await page.locator('#books li').first().waitFor();
	assert.equal(await page.locator('#who').innerText(), 'test');
	await shot('books-2-list');

	await page.getByRole('button', { name: 'Add a book' }).click();
	await page.getByRole('button', { name: 'Save' }).click();
	await page.locator('#title[aria-invalid]').waitFor();
	assert.notEqual(await page.locator('#book-title-wrong').innerText(), '');
	await shot('books-3-wrong');
	await page.getByLabel('Title', { exact: true }).fill('Ōku <b>& more</b>');
	await page.getByLabel('Author', { exact: true }).fill('A Writer');
	await page.keyboard.press('Enter');
	await page.locator('#status', { hasText: 'Added' }).waitFor();

	await page.locator('#search').fill('<b>& more');
	await status.filter({ hasText: /^1 book shown/ }).waitFor();
	const id = (await page.locator('#books li').getAttribute('id')).replace('book-', '');

	// Somebody else changes it while the dialog is open.
	await page.getByRole('button', { name: /^Edit/ }).click();
	await page.getByLabel('Title', { exact: true }).fill('Mine');
	const login = await fetch(`${env.ISSUER}/login`, {
		method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"username":"test","password":"test"}',
	});
	const { access_token } = await login.json();
	const changed = await fetch(`${env.ISSUER}/books/${id}`, {
		method: 'PATCH', headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/merge-patch+json' },
		body: '{"title":"Theirs"}',
	});
	assert.equal(changed.status, 200);
	await page.getByRole('button', { name: 'Save' }).click();
	await page.locator('.alert', { hasText: 'Theirs' }).waitFor();
	assert.equal(await page.getByLabel('Title', { exact: true }).inputValue(), 'Mine');
	await shot('books-4-conflict');
	await page.getByRole('button', { name: 'Save' }).click();
	await status.filter({ hasText: 'Saved' }).waitFor();

	await page.getByRole('button', { name: 'Delete Mine' }).click();
	await page.locator('#remove').click();
	await status.filter({ hasText: 'Deleted' }).waitFor();

	// The session of that login is ended from here.
	await page.getByRole('button', { name: 'Sessions' }).click();
	const others = page.locator('#session-list li', { hasText: 'API' });
	await others.first().waitFor();
	const before = await others.count();
	await shot('books-5-sessions');
	await others.first().getByRole('button', { name: 'End' }).click();
	await page.waitForFunction((count) => [...document.querySelectorAll('#session-list li')].filter((row) => row.textContent.includes('API')).length < count, before);
	await page.locator('#sessions').getByRole('button', { name: 'Close' }).click();

	// No token outlives the page, and the browser's session makes another one.
	assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, '']);
	await page.reload();
	await page.locator('#books li').first().waitFor();
	await page.getByRole('button', { name: 'Sign out' }).click();
	await page.getByRole('button', { name: 'Sign in' }).waitFor();
	await close();
}

export async function reader() {
	const { page, shot, close } = await person({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
	const json = { 'content-type': 'application/json' };
	const login = await fetch(`${env.ISSUER}/login`, {
		method: 'POST', headers: json, body: JSON.stringify({ username: 'admin', password: env.ADMIN_PASSWORD }),
	});
	const { access_token } = await login.json();
	const account = { username: 'pages-reader', password: 'a long enough passphrase', roles: ['reader'] };
	const made = await fetch(`${env.ISSUER}/admin/users`, {
		method: 'POST', headers: { ...json, authorization: `Bearer ${access_token}` }, body: JSON.stringify(account),
	});
	assert.ok([201, 409].includes(made.status));
	await page.goto(`${env.ISSUER}/`);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await signIn(page, account.username, account.password);
	await page.locator('#books li').first().waitFor();
	assert.equal(await page.getByRole('button', { name: /Edit|Delete|Add/ }).count(), 0);
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
	await shot('books-6-reader-phone-dark');
	await close();
}
