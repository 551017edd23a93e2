import { Problem } from './api.js';
import { complain, find, say } from './dom.js';
import { answer, text } from './language.js';

/** Does something, and says what went wrong: in the form, where there is one. Nothing is wrong with what was overtaken. */
export async function attempt(work, form) {
	try {
		return await work();
	} catch (error) {
		if (error.name === 'AbortError') return undefined;
		// No answer came, or this page is wrong.
		const problem = error instanceof Problem ? error : undefined;
		if (!problem) console.error(error);
		const words = problem ? answer(problem.message, problem.code) : text('unreachable');
		if (problem?.status === 401) {
			say(text('session_over'), true);
			find('#sign-in').hidden = false;
		} else if (form) complain(form, words, problem?.errors);
		else say(words, true);
		return undefined;
	}
}
