// The pages of the product in Chromium, as people use them. Screenshots go to $OUTPUT.
import { administrator, notAnAdministrator } from './admin.mjs';
import { librarian, reader } from './books.mjs';
import { chinese } from './chinese.mjs';
import { allDocs } from './docs.mjs';
import { end } from './chromium.mjs';

await allDocs();
await librarian();
await reader();
await administrator();
await notAnAdministrator();
await chinese();
await end();
console.log('pages: /docs tries both services at each address; the books page adds, edits, searches, deletes, ends sessions; the admin page manages users, clients and keys; both speak Chinese, too');
