/** The page: begins to listen, and shows where the reader is. */
import { render } from 'preact';
import { startClock } from './clock.ts';
import { listenToKeys } from './keys.ts';
import { listen } from './live.ts';
import { followLinks } from './route.ts';
import { Shell } from './shell.tsx';
import './style.css';

followLinks();
listenToKeys();
startClock();
listen();
const root = document.querySelector('#page');
if (root !== null) render(<Shell />, root);
