// Somebody whose browser prefers Chinese: every page is in it, with what the services answer.
import assert from 'node:assert/strict';
import { env } from 'node:process';
import { person, signIn } from './chromium.mjs';

export async function chinese() {
	const { page, shot, close } = await person({ locale: 'zh-CN', expected: /status of 4(09|22)/ });
	const button = (name) => page.getByRole('button', { name, exact: true });
	// English words are left where people and programs write them so: names, addresses, roles, kinds of events.
	const inChinese = async (hidden = 'main') => {
		const said = await page.locator(`header, ${hidden}`).evaluateAll((found) => found.map((part) => part.innerText).join(' '));
		assert.doesNotMatch(said, /\b(Sign|Sessions|Edit|Delete|More|Add|Users|Clients|Roles|shown|signed|last|from)\b/);
	};
	await page.goto(`${env.ISSUER}/`);
	await button('登录').click();
	await page.locator('label', { hasText: '用户名' }).waitFor();
	await signIn(page, 'admin', env.ADMIN_PASSWORD);
	await page.locator('#books li').first().waitFor();
	assert.equal(await page.title(), '图书 · Imprimatur');
	assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans');
	await inChinese();
	await button('添加图书').click();
	await button('保存').click();
	await page.locator('#book-title-wrong', { hasText: '不能为空' }).waitFor();
	await shot('chinese-1-books');

	await page.goto(`${env.ISSUER}/admin/ui`);
	await page.locator('#view li', { hasText: 'admin' }).first().waitFor();
	await inChinese();
	await button('添加用户').click();
	await page.locator('#username').fill('admin');
	await page.locator('#password').fill('short');
	await button('创建').click();
	await page.locator('#form-password-wrong', { hasText: /至少 \d+ 个字符/ }).waitFor();
	await page.locator('#password').fill('correct pony battery staple');
	await button('创建').click();
	await page.locator('#form .alert', { hasText: '该用户名已被使用' }).waitFor();
	await button('取消').click();
	await button('密钥').click();
	await page.locator('#timeline').waitFor();
	await page.locator('#view li', { hasText: '签名中' }).waitFor();
	await inChinese();
	await shot('chinese-2-keys');
	await close();
}
