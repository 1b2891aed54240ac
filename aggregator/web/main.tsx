/** The page: begins to listen, and shows where the reader is. */
import { render } from 'preact';
import { startClock } from './clock.ts';
import { listenToKeys } from './keys.ts';
import { listen } from './live.ts';
import { followLinks } from './route.ts';
import { findReader } from './session.ts';
import { Shell } from './shell.tsx';
// In this order: what is narrow has the last word.
import './styles/base.css';
import './styles/head.css';
import './styles/states.css';
import './styles/overview.css';
import './styles/lists.css';
import './styles/details.css';
import './styles/ways.css';
import './styles/narrow.css';

followLinks();
listenToKeys();
startClock();
listen();
void findReader();
const root = document.querySelector('#page');
if (root !== null) render(<Shell />, root);
