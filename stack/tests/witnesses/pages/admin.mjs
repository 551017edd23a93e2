// The admin page: makes a user, finds it, changes a role, ends a session, registers a client, rotates keys; and is not for others.
import { env } from 'node:process';
import { person, signIn } from './chromium.mjs';

export async function administrator() {
	const { page, shot, close } = await person({ expected: /status of 4(09|22)/ });
	const says = (text) => page.locator('#status', { hasText: text }).waitFor();
	const row = (text) => page.locator('#view li', { hasText: text });
	const tab = (name) => page.locator('#tabs').getByRole('button', { name, exact: true }).click();
	await page.goto(`${env.ISSUER}/admin/ui`);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await signIn(page, 'admin', env.ADMIN_PASSWORD);
	await row('admin').first().waitFor();

	const name = `made-${Date.now()}`;
	await page.getByRole('button', { name: 'Add a user' }).click();
	await page.locator('#username').fill(name);
	await page.locator('#password').fill('short');
	await page.getByRole('button', { name: 'Make' }).click();
	await page.locator('#password[aria-invalid]').waitFor();
	await page.locator('#password').fill('correct pony battery staple');
	await page.getByRole('button', { name: 'Make' }).click();
	await says('Made');
	await row(name).getByRole('button', { name: 'Roles' }).click();
	await page.getByLabel('librarian').check();
	await page.getByRole('button', { name: 'Save' }).click();
	await says('other roles');
	await row(name).filter({ hasText: 'librarian' }).waitFor();
	await page.getByRole('searchbox').fill(name.slice(0, -1));
	await row('admin').waitFor({ state: 'detached' });
	await row(name).waitFor();
	await shot('admin-1-users');

	await fetch(`${env.ISSUER}/login`, {
		method: 'POST', headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ username: name, password: 'correct pony battery staple' }),
	});
	await row(name).getByRole('button', { name: 'Sessions' }).click();
	await row('from 127.0.0.1').getByRole('button', { name: 'End' }).click();
	await says('Ended a session');
	await row('Nothing here').waitFor();

	await tab('Clients');
	await page.getByRole('button', { name: 'Add a client' }).click();
	await page.locator('#client_name').fill(name);
	await page.getByRole('button', { name: 'Register' }).click();
	await page.locator('#secret').waitFor();
	await shot('admin-2-secret');
	await page.getByRole('button', { name: 'I have kept it' }).click();
	await row(name).getByRole('button', { name: 'Delete' }).click();
	await page.locator('#dialog').getByRole('button', { name: 'Delete' }).click();
	await says('Deleted');

	await tab('Keys');
	await page.locator('#timeline').waitFor();
	await page.getByRole('button', { name: 'Make the next key' }).click();
	// Another witness may have made it before: then that is said.
	await page.locator('#status:not(:empty)').waitFor();
	await page.locator('#timeline rect').nth(1).waitFor();
	await shot('admin-3-keys');

	await tab('Audit');
	await page.getByLabel('Kind, such as login').fill('login');
	await page.getByRole('button', { name: 'Filter' }).click();
	await row('login').first().waitFor();
	await shot('admin-4-audit');
	await close();
}

export async function notAnAdministrator() {
	const { page, close } = await person();
	await page.goto(`${env.ISSUER}/admin/ui`);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await signIn(page, 'test', 'test');
	await page.locator('#status', { hasText: 'for administrators' }).waitFor();
	await close();
}
