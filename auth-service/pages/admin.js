// For administrators: users with their roles and sessions, clients, keys and the audit trail.
import { Account } from './account.js';
import { api, Problem } from './api.js';
import { complain, element, find, say, time } from './dom.js';
import { timeline } from './timeline.js';

const PAGE = 50;
const ROLES = ['reader', 'librarian', 'admin'];
// Below the path that the issuer may have.
const base = new URL('..', location.href).href.replace(/\/$/, '');
let account, call;

async function attempt(work, form) {
	try {
		return await work();
	} catch (error) {
		if (error instanceof Problem && error.status === 401) {
			say('Your session is over. Sign in again.', true);
			find('#sign-in').hidden = false;
		} else if (form) complain(form, error);
		else say(error instanceof Problem ? error.message : 'The service cannot be reached. Try again.', true);
		return undefined;
	}
}

const button = (text, work, className = 'quiet') =>
	element('button', { type: 'button', className, onclick: () => attempt(work) }, text);
const what = (text, ...details) =>
	element('span', { className: 'what' }, text, ...details.map((detail) => element('small', {}, detail)));

/** A list that goes on by its button, each page where the one before has ended. */
function pages(path, row) {
	const list = element('ul', { className: 'rows' });
	const more = button('More', () => load(more.dataset.next));
	async function load(from) {
		const { body, next } = await call(from);
		list.append(...body.map((item) => element('li', {}, ...[row(item)].flat())));
		if (next) more.dataset.next = next;
		more.hidden = !next;
		if (!list.children.length) list.append(element('li', {}, 'Nothing here.'));
	}
	more.hidden = true;
	attempt(() => load(path));
	return element('div', {}, list, more);
}

/** A question, or a form. `fields`: name, label and type of each. */
function ask(title, fields, action, work, text = '') {
	const form = element('form', { id: 'form', noValidate: true },
		element('h2', { id: 'dialog-title' }, title),
		element('p', { className: 'alert', role: 'alert' }),
		text && element('p', {}, text),
		...fields.flatMap(([name, label, type = 'text', value = '']) => [
			element('label', { for: name }, label),
			element('input', { id: name, name, type, value, autocomplete: 'off', 'aria-describedby': `form-${name}-wrong` }),
			element('p', { id: `form-${name}-wrong`, className: 'wrong' }),
		]),
		element('div', { className: 'buttons' },
			element('button', { type: 'submit' }, action),
			element('button', { type: 'button', className: 'quiet', onclick: () => find('#dialog').close() }, 'Cancel')));
	form.onsubmit = (event) => {
		event.preventDefault();
		attempt(async () => {
			await work(Object.fromEntries(new FormData(form)));
			// Unless there is something else in it now.
			if (form.isConnected) find('#dialog').close();
		}, form);
	};
	find('#dialog').replaceChildren(form);
	find('#dialog').showModal();
}

/** Something that is shown this once. */
function tell(title, text, secret) {
	find('#dialog').replaceChildren(
		element('h2', { id: 'dialog-title' }, title), element('p', {}, text),
		element('p', {}, element('code', { id: 'secret' }, secret)),
		element('div', { className: 'buttons' }, element('button', { onclick: () => find('#dialog').close() }, 'I have kept it')));
	if (!find('#dialog').open) find('#dialog').showModal();
}

const user = (one) => `/admin/users/${one.id}`;

function users() {
	const boxes = (one) => ROLES.map((role) => element('label', { className: 'check' },
		element('input', { type: 'checkbox', name: role, checked: one.roles.includes(role) }), role));
	const roles = (one) => {
		ask(`Roles of ${one.username}`, [], 'Save', async (given) => {
			await call(user(one), { method: 'PATCH', json: { roles: ROLES.filter((role) => given[role]) } });
			say(`${one.username} has other roles now.`);
			show('Users');
		});
		find('#form .alert').after(...boxes(one));
	};
	const toggle = async (one) => {
		await call(user(one), { method: 'PATCH', json: { disabled: !one.disabled } });
		say(one.disabled ? `${one.username} may sign in again.` : `${one.username} may not sign in any more.`);
		show('Users');
	};
	const row = (one) => [
		what(one.username, `${one.roles.join(', ') || 'no role'}${one.disabled ? ' – disabled' : ''}`, `last signed in ${time(one.last_login_at)}`),
		button('Roles', () => roles(one)),
		button('Sessions', () => sessions(one)),
		button(one.disabled ? 'Enable' : 'Disable', () => toggle(one)),
	];
	const add = () => ask('A new user', [['username', 'Name'], ['password', 'Password', 'password']], 'Make', async (given) => {
		await call('/admin/users', { method: 'POST', json: { ...given, must_change_password: false } });
		say(`Made ${given.username}, a reader.`);
		show('Users');
	});
	const list = element('div');
	const search = element('input', { type: 'search', id: 'username', placeholder: 'Name begins with', autocomplete: 'off', ariaLabel: 'Name begins with' });
	const load = () => {
		const wanted = search.value.trim();
		list.replaceChildren(pages(`/admin/users?limit=${PAGE}${wanted && `&username=${encodeURIComponent(wanted)}`}`, row));
	};
	let soon;
	search.oninput = () => {
		clearTimeout(soon);
		soon = setTimeout(load, 200);
	};
	load();
	return [element('div', { className: 'bar' }, search, button('Add a user', add, '')), list];
}

function sessions(one) {
	const again = () => sessions(one);
	const end = async (session) => {
		await call(`${user(one)}/sessions/${session.id}`, { method: 'DELETE' });
		say(`Ended a session of ${one.username}.`);
		again();
	};
	const all = async () => {
		await call(`${user(one)}/sessions`, { method: 'DELETE' });
		say(`Ended all sessions of ${one.username}.`);
		again();
	};
	find('#view').replaceChildren(
		element('h2', {}, `Sessions of ${one.username}`),
		element('div', { className: 'bar' }, button('End all', all), button('Back', () => show('Users'))),
		pages(`${user(one)}/sessions?limit=${PAGE}`, (session) => [
			what(`${session.client_id}: ${session.user_agent || 'unknown'}`, `from ${session.address}, last used ${time(session.last_used_at)}`),
			button('End', () => end(session)),
		]));
}

function clients() {
	const add = () => ask('A new client', [['client_name', 'Name'], ['redirect_uris', 'Redirect URI; empty for a machine', 'url']], 'Register', async (given) => {
		const json = { client_name: given.client_name, ...(given.redirect_uris && { redirect_uris: [given.redirect_uris] }) };
		const { body } = await call('/admin/clients', { method: 'POST', json });
		show('Clients');
		tell(`Secret of ${body.client_id}`, 'It is shown this once and never again.', body.client_secret);
	});
	const remove = (client) => ask(`Delete ${client.client_name}?`, [], 'Delete', async () => {
		await call(`/admin/clients/${encodeURIComponent(client.client_id)}`, { method: 'DELETE' });
		say(`Deleted ${client.client_name}.`);
		show('Clients');
	}, 'Its sessions end, and its codes are worth nothing.');
	return [
		element('div', { className: 'bar' }, button('Add a client', add, '')),
		pages(`/admin/clients?limit=${PAGE}`, (client) => [
			what(client.client_name, client.client_id, `${client.grant_types.join(', ')} – ${client.scope}`),
			button('Delete', () => remove(client)),
		]),
	];
}

function keys() {
	const drawing = element('div', {});
	attempt(async () => drawing.replaceChildren(timeline((await call('/admin/keys?limit=1000')).body)));
	const rotate = async () => {
		await call('/admin/keys/rotate', { method: 'POST' });
		say('The next key is announced.');
		show('Keys');
	};
	return [
		element('div', { className: 'bar' }, button('Make the next key', rotate, '')), drawing,
		element('p', {}, element('small', {}, 'Grey: announced. Green: signing. Outlined: retired, and still good for what it signed. Red: gone.')),
		pages(`/admin/keys?limit=${PAGE}`, (key) => what(`Key ${key.number}: ${key.state}`, element('code', {}, key.kid), key.state === 'announced' ? `signs from ${time(key.signs_from)}` : `made ${time(key.created_at)}`)),
	];
}

function audit(filter = {}) {
	const field = (name, label) => element('input', { name, 'aria-label': label, placeholder: label, value: filter[name] ?? '' });
	const form = element('form', { className: 'bar' }, field('kind', 'Kind, such as login'), field('account', 'Id of an account'), element('button', {}, 'Filter'));
	form.onsubmit = (event) => {
		event.preventDefault();
		show('Audit', Object.fromEntries([...new FormData(form)].filter(([, value]) => value)));
	};
	return [form, pages(`/admin/audit?${new URLSearchParams({ limit: PAGE, ...filter })}`, (event) =>
		what(`${event.kind}${event.success ? '' : ' – refused'}`, `${time(event.at)} by ${event.actor || 'unknown'} from ${event.address || '–'}`, event.detail))];
}

const VIEWS = { Users: users, Clients: clients, Keys: keys, Audit: audit };

function show(name, ...more) {
	for (const tab of find('#tabs').children) {
		if (tab.textContent === name) tab.setAttribute('aria-current', 'page');
		else tab.removeAttribute('aria-current');
	}
	find('#view').replaceChildren(...VIEWS[name](...more));
}

find('#tabs').append(...Object.keys(VIEWS).map((name) => button(name, () => { say(''); show(name); })));
find('#sign-in').addEventListener('click', () => account.signIn());
find('#sign-out').addEventListener('click', () => account.signOut());
await attempt(async () => {
	const server = await (await fetch(`${base}/.well-known/openid-configuration`)).json();
	const issuer = new URL(server.issuer);
	if (location.origin !== issuer.origin) {
		// Only there is this page the issuer's own.
		location.replace(`${server.issuer.replace(/\/$/, '')}/admin/ui`);
		return;
	}
	account = new Account(server, `${server.issuer.replace(/\/$/, '')}/admin/ui`, 'openid profile auth:admin');
	const send = api(account);
	call = (path, options) => send(path.startsWith('/') ? `${server.issuer.replace(/\/$/, '')}${path}` : path, options);
	const signedIn = await account.begin();
	const administers = account.scopes.has('auth:admin');
	find('#sign-in').hidden = signedIn;
	find('#sign-out').hidden = !signedIn;
	find('#who').textContent = signedIn ? account.name : '';
	for (const id of ['#tabs', '#view']) find(id).hidden = !administers;
	if (administers) show('Users');
	else say(signedIn ? 'This page is for administrators.' : 'Sign in as an administrator.');
});
