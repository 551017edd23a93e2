// The catalogue: whoever may only read sees no buttons that change it. From the metadata of the resource it learns who the
// issuer is (RFC 9728), as any other client does.
import { Account } from './account.js';
import { api } from './api.js';
import { attempt } from './attempt.js';
import { complain, element, find, say, time } from './dom.js';
import { speak, text } from './language.js';
import TEXTS from './books-texts.js';

const PAGE = 50;
const json = async (url) => (await fetch(url)).json();
let account, call, writes = false;
let wanted = new AbortController(), next;

async function begin() {
	const signedIn = await account.begin();
	writes = account.scopes.has('books:write');
	find('#sign-in').hidden = signedIn;
	for (const id of ['#sign-out', '#catalogue']) find(id).hidden = !signedIn;
	find('#show-sessions').hidden = !signedIn || !account.own;
	find('#add').hidden = !writes;
	find('#who').textContent = signedIn ? account.name : '';
	if (signedIn) await list();
	else say(text('sign_in_first'));
}

/** The first page of what is searched for, or the next one of what is shown. */
async function list(from) {
	wanted.abort();
	wanted = new AbortController();
	const { signal } = wanted;
	const q = find('#search').value.trim();
	const path = from ?? `/books?${new URLSearchParams({ limit: PAGE, ...(q && { q }) })}`;
	find('#catalogue').setAttribute('aria-busy', 'true');
	const page = await attempt(() => call(path, { signal }));
	if (signal.aborted) return;
	find('#catalogue').removeAttribute('aria-busy');
	if (!page) return;
	const rows = page.body.map(row);
	if (from) find('#books').append(...rows);
	else find('#books').replaceChildren(...rows);
	next = page.next;
	find('#more').hidden = !next;
	const shown = find('#books').children.length;
	say(counted(shown));
}

function counted(count) {
	if (!count) return text('none');
	if (next) return text('some', { count });
	return count === 1 ? text('one') : text('all', { count });
}

function row(book) {
	const button = (words, onclick) =>
		element('button', { className: 'quiet', type: 'button', onclick, 'aria-label': `${words} ${book.title}` }, words);
	return element('li', { id: `book-${book.id}` },
		element('span', { className: 'what' }, book.title, element('small', {}, book.author)),
		writes && button(text('edit'), () => edit(book.id)),
		writes && button(text('delete'), () => remove(book)));
}

function open(book, etag) {
	const form = find('#book');
	find('#editor-title').textContent = book ? text('edit_title') : text('add');
	complain(form);
	form.elements.title.value = book?.title ?? '';
	form.elements.author.value = book?.author ?? '';
	form.onsubmit = (event) => { event.preventDefault(); save(form, book, etag); };
	if (!find('#editor').open) find('#editor').showModal();
	form.elements.title.focus();
}

/** As it is now, and not as the list was: what is changed must be what was seen. */
const edit = (id) => attempt(async () => {
	const { body, etag } = await call(`/books/${id}`);
	open(body, etag);
});

const save = (form, book, etag) => attempt(async () => {
	const values = { title: form.elements.title.value, author: form.elements.author.value };
	try {
		const saved = book
			? await call(`/books/${book.id}`, { method: 'PUT', json: values, headers: { 'if-match': etag } })
			: await call('/books', { method: 'POST', json: values });
		find('#editor').close();
		if (book) find(`#book-${book.id}`)?.replaceWith(row(saved.body));
		else find('#books').prepend(row(saved.body));
		say(book ? text('saved') : text('added', saved.body));
	} catch (error) {
		if (error.status !== 412) throw error;
		// What was typed stays; saving once more is to overwrite, knowingly.
		const now = await call(`/books/${book.id}`);
		find(`#book-${book.id}`)?.replaceWith(row(now.body));
		form.onsubmit = (event) => { event.preventDefault(); save(form, now.body, now.etag); };
		complain(form, text('conflict', now.body));
	}
}, form);

function remove(book) {
	find('#doomed').textContent = text('doomed', book);
	find('#remove').onclick = () => attempt(async () => {
		find('#remover').close();
		await call(`/books/${book.id}`, { method: 'DELETE' });
		find(`#book-${book.id}`)?.remove();
		say(text('deleted', book));
	});
	find('#remover').showModal();
}

const sessions = () => attempt(async () => {
	const { body } = await call('/me/sessions?limit=1000');
	const end = (session) => attempt(async () => {
		await call(`/me/sessions/${session.id}`, { method: 'DELETE' });
		say(text('session_ended'));
		await sessions();
	});
	const row = (session) => {
		const origin = text(`origin_${session.origin}`);
		const values = { ...session, origin, agent: session.user_agent || text('unknown'), time: time(session.last_used_at) };
		return element('li', {},
			element('span', { className: 'what' },
				session.current ? text('this_session', values) : text('session', values),
				element('small', {}, text('session_detail', values))),
			element('button', { className: 'quiet', type: 'button', onclick: () => end(session) }, text('end')));
	};
	find('#session-list').replaceChildren(...body.reverse().map(row));
	if (!find('#sessions').open) find('#sessions').showModal();
});

let typed;
find('#search').addEventListener('input', () => {
	clearTimeout(typed);
	typed = setTimeout(() => list(), 250);
});
find('#more').addEventListener('click', () => next && list(next));
find('#add').addEventListener('click', () => open());
find('#sign-in').addEventListener('click', () => account.signIn());
find('#sign-out').addEventListener('click', () => account.signOut());
find('#show-sessions').addEventListener('click', sessions);
find('#end-others').addEventListener('click', () => attempt(async () => {
	await call('/me/sessions', { method: 'DELETE' });
	await sessions();
}));
for (const button of document.querySelectorAll('[data-close]')) {
	button.addEventListener('click', () => button.closest('dialog').close());
}

speak(TEXTS);
await attempt(async () => {
	const resource = await json('/.well-known/oauth-protected-resource');
	const [issuer] = resource.authorization_servers;
	if (location.hostname === 'localhost' && new URL(resource.resource).hostname === '127.0.0.1') {
		// The same place by a name that no client is registered at.
		location.hostname = '127.0.0.1';
		return;
	}
	const server = await json(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
	account = new Account(server, `${location.origin}/`, 'openid profile books:read books:write');
	call = api(account);
	await begin();
});
