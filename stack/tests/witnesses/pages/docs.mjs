// /docs of both services, at the gateway and at their own addresses: "Authorize" signs in, and what is described answers.
import assert from 'node:assert/strict';
import { env } from 'node:process';
import { person, signIn } from './chromium.mjs';

async function docs({ name, url, operation, client, consents, scopes, who, password }) {
	const { context, page, shot, close } = await person();
	const response = await page.goto(url);
	assert.doesNotMatch(response.headers()['content-security-policy'], /unsafe|\*/);
	await page.locator('.opblock').first().waitFor();
	await page.locator('button.authorize').first().click();
	const dialog = page.locator('.modal-ux .auth-container', { hasText: 'authorizationCode' });
	assert.equal(await dialog.locator('input[data-name=clientId]').inputValue(), client);
	for (const scope of scopes) {
		const box = dialog.locator(`input[data-value="${scope}"]`);
		// What is seen and clicked is its label.
		if (!(await box.isChecked())) await dialog.locator(`label[for="${await box.getAttribute('id')}"]`).first().click();
	}
	await shot(`${name}-authorize`);
	const [popup] = await Promise.all([context.waitForEvent('page'), dialog.locator('button.authorize').click()]);
	await signIn(popup, who, password);
	if (consents) await popup.locator('button[value=allow]').click();
	await dialog.locator('button', { hasText: 'Logout' }).waitFor();
	await page.locator('.close-modal').click();

	const block = page.locator(`#operations-${operation}`);
	await block.locator('.opblock-summary-control').click();
	await block.locator('button.execute').click();
	const status = block.locator('.live-responses-table tbody .response-col_status').first();
	await status.waitFor();
	assert.match(await status.innerText(), /200/);
	await shot(`${name}-answer`);
	await close();
}

export async function allDocs() {
	const librarian = { who: 'test', password: 'test', scopes: ['books:read'], operation: 'books-list_books' };
	const admin = { who: 'admin', password: env.ADMIN_PASSWORD, scopes: ['auth:admin'], operation: 'admin-list_users' };
	const own = { client: 'imprimatur-pages', consents: false };
	const elsewhere = { client: 'imprimatur-resource-pages', consents: true };
	await docs({ name: 'docs-auth-gateway', url: `${env.ISSUER}/docs`, ...admin, ...own });
	await docs({ name: 'docs-books-gateway', url: `${env.ISSUER}/books/docs`, ...librarian, ...own });
	await docs({ name: 'docs-auth-itself', url: `${env.AUTH_URL}/docs`, ...admin, ...elsewhere });
	await docs({ name: 'docs-books-itself', url: `${env.BOOKS_URL}/docs`, ...librarian, ...elsewhere });
}
