// For administrators: users with their roles and sessions, clients, keys and the audit trail.
import { Account } from './account.js';
import { api } from './api.js';
import { attempt } from './attempt.js';
import { element, find, say, time } from './dom.js';
import { speak, text } from './language.js';
import { timeline } from './timeline.js';
import TEXTS from './admin-texts.js';

const PAGE = 50;
const ROLES = ['reader', 'librarian', 'admin'];
// Below the path that the issuer may have.
const base = new URL('..', location.href).href.replace(/\/$/, '');
let account, call;

const button = (words, work, className = 'quiet') =>
	element('button', { type: 'button', className, onclick: () => attempt(work) }, words);
const what = (words, ...details) =>
	element('span', { className: 'what' }, words, ...details.map((detail) => element('small', {}, detail)));

/** A list that goes on by its button, each page where the one before has ended. */
function pages(path, row) {
	const list = element('ul', { className: 'rows' });
	const more = button(text('more'), () => load(more.dataset.next));
	async function load(from) {
		const { body, next } = await call(from);
		list.append(...body.map((item) => element('li', {}, ...[row(item)].flat())));
		if (next) more.dataset.next = next;
		more.hidden = !next;
		if (!list.children.length) list.append(element('li', {}, text('nothing')));
	}
	more.hidden = true;
	attempt(() => load(path));
	return element('div', {}, list, more);
}

/** A question, or a form. `fields`: name, label and type of each. */
function ask(title, fields, action, work, words = '') {
	const form = element('form', { id: 'form', noValidate: true },
		element('h2', { id: 'dialog-title' }, title),
		element('p', { className: 'alert', role: 'alert' }),
		words && element('p', {}, words),
		...fields.flatMap(([name, label, type = 'text', value = '']) => [
			element('label', { for: name }, label),
			element('input', { id: name, name, type, value, autocomplete: 'off', 'aria-describedby': `form-${name}-wrong` }),
			element('p', { id: `form-${name}-wrong`, className: 'wrong' }),
		]),
		element('div', { className: 'buttons' },
			element('button', { type: 'submit' }, action),
			element('button', { type: 'button', className: 'quiet', onclick: () => find('#dialog').close() }, text('cancel'))));
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
function tell(title, words, secret) {
	find('#dialog').replaceChildren(
		element('h2', { id: 'dialog-title' }, title), element('p', {}, words),
		element('p', {}, element('code', { id: 'secret' }, secret)),
		element('div', { className: 'buttons' }, element('button', { onclick: () => find('#dialog').close() }, text('kept'))));
	if (!find('#dialog').open) find('#dialog').showModal();
}

const user = (one) => `/admin/users/${one.id}`;

function users() {
	const boxes = (one) => ROLES.map((role) => element('label', { className: 'check' },
		element('input', { type: 'checkbox', name: role, checked: one.roles.includes(role) }), role));
	const roles = (one) => {
		ask(text('roles_of', one), [], text('save'), async (given) => {
			await call(user(one), { method: 'PATCH', json: { roles: ROLES.filter((role) => given[role]) } });
			say(text('roles_changed', one));
			show('users');
		});
		find('#form .alert').after(...boxes(one));
	};
	const toggle = async (one) => {
		await call(user(one), { method: 'PATCH', json: { disabled: !one.disabled } });
		say(one.disabled ? text('enabled', one) : text('disabled', one));
		show('users');
	};
	const names = (one) => one.roles.join(', ') || text('no_role');
	const row = (one) => [
		what(one.username, one.disabled ? text('is_disabled', { roles: names(one) }) : names(one), text('last_login', { time: time(one.last_login_at) })),
		button(text('roles'), () => roles(one)),
		button(text('sessions'), () => sessions(one)),
		button(one.disabled ? text('enable') : text('disable'), () => toggle(one)),
	];
	const add = () => ask(text('new_user'), [['username', text('username')], ['password', text('password'), 'password']], text('make'), async (given) => {
		await call('/admin/users', { method: 'POST', json: { ...given, must_change_password: false } });
		say(text('made', given));
		show('users');
	});
	const list = element('div');
	const search = element('input', { type: 'search', placeholder: text('begins_with'), 'aria-label': text('begins_with'), autocomplete: 'off' });
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
	return [element('div', { className: 'bar' }, search, button(text('add_user'), add, '')), list];
}

function sessions(one) {
	const again = () => sessions(one);
	const end = async (session) => {
		await call(`${user(one)}/sessions/${session.id}`, { method: 'DELETE' });
		say(text('ended', one));
		again();
	};
	const all = async () => {
		await call(`${user(one)}/sessions`, { method: 'DELETE' });
		say(text('ended_all', one));
		again();
	};
	find('#view').replaceChildren(
		element('h2', {}, text('sessions_of', one)),
		element('div', { className: 'bar' }, button(text('end_all'), all), button(text('back'), () => show('users'))),
		pages(`${user(one)}/sessions?limit=${PAGE}`, (session) => [
			what(
				text('session', { ...session, agent: session.user_agent || text('unknown') }),
				text('session_detail', { ...session, time: time(session.last_used_at) })),
			button(text('end'), () => end(session)),
		]));
}

function clients() {
	const add = () => ask(text('new_client'), [['client_name', text('client_name')], ['redirect_uris', text('redirect_uri'), 'url']], text('register'), async (given) => {
		const json = { client_name: given.client_name, ...(given.redirect_uris && { redirect_uris: [given.redirect_uris] }) };
		const { body } = await call('/admin/clients', { method: 'POST', json });
		show('clients');
		tell(text('secret_of', body), text('shown_once'), body.client_secret);
	});
	const remove = (client) => ask(text('delete_client', client), [], text('delete'), async () => {
		await call(`/admin/clients/${encodeURIComponent(client.client_id)}`, { method: 'DELETE' });
		say(text('deleted', client));
		show('clients');
	}, text('delete_means'));
	return [
		element('div', { className: 'bar' }, button(text('add_client'), add, '')),
		pages(`/admin/clients?limit=${PAGE}`, (client) => [
			what(client.client_name, client.client_id, `${client.grant_types.join(', ')} – ${client.scope}`),
			button(text('delete'), () => remove(client)),
		]),
	];
}

function keys() {
	const drawing = element('div', {});
	attempt(async () => drawing.replaceChildren(timeline((await call('/admin/keys?limit=1000')).body)));
	const rotate = async () => {
		await call('/admin/keys/rotate', { method: 'POST' });
		say(text('announced'));
		show('keys');
	};
	return [
		element('div', { className: 'bar' }, button(text('next_key'), rotate, '')), drawing,
		element('p', {}, element('small', {}, text('legend'))),
		pages(`/admin/keys?limit=${PAGE}`, (key) => what(
			text('key_is', { number: key.number, state: text(`state_${key.state}`) }), element('code', {}, key.kid),
			key.state === 'announced' ? text('signs_from', { time: time(key.signs_from) }) : text('made_at', { time: time(key.created_at) }))),
	];
}

function audit(filter = {}) {
	const field = (name, label) => element('input', { name, 'aria-label': label, placeholder: label, value: filter[name] ?? '' });
	const form = element('form', { className: 'bar' }, field('kind', text('kind')), field('account', text('account')), element('button', {}, text('filter')));
	form.onsubmit = (event) => {
		event.preventDefault();
		show('audit', Object.fromEntries([...new FormData(form)].filter(([, value]) => value)));
	};
	return [form, pages(`/admin/audit?${new URLSearchParams({ limit: PAGE, ...filter })}`, (event) =>
		what(
			event.success ? event.kind : text('refused', event),
			text('event', { time: time(event.at), actor: event.actor || text('unknown'), address: event.address || '–' }),
			event.detail))];
}

const VIEWS = { users, clients, keys, audit };

function show(name, ...more) {
	for (const tab of find('#tabs').children) {
		if (tab.dataset.view === name) tab.setAttribute('aria-current', 'page');
		else tab.removeAttribute('aria-current');
	}
	find('#view').replaceChildren(...VIEWS[name](...more));
}

speak(TEXTS);
for (const name of Object.keys(VIEWS)) {
	const tab = button(text(`tab_${name}`), () => { say(''); show(name); });
	tab.dataset.view = name;
	find('#tabs').append(tab);
}
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
	if (administers) show('users');
	else say(signedIn ? text('not_for_you') : text('sign_in_first'));
});
