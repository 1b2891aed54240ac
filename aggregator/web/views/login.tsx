/** Who reads? A token says it; it is sent to the aggregator once, and kept nowhere in the browser. */
import { useState } from 'preact/hooks';
import { listen } from '../live.ts';
import { Code } from '../parts/code.tsx';
import { logIn } from '../session.ts';

const command = 'kubectl create token plumbline-viewer --namespace plumbline --audience plumbline-http --duration 1h';

export function Login() {
  const [failure, setFailure] = useState<string | null>(null);
  const [isSent, setSent] = useState(false);
  const send = async (form: HTMLFormElement) => {
    const token = String(new FormData(form).get('token') ?? '').trim();
    if (token === '') return setFailure('Paste a token first.');
    setSent(true);
    const refused = await logIn(token);
    setSent(false);
    setFailure(refused);
    if (refused === null) listen();
  };
  return (
    <article class="prose">
      <h1>Who are you?</h1>
      <p>This aggregator shows what it knows to people and programs that the cluster lets see it. Make a token:</p>
      <Code text={command} what="the command" />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send(event.currentTarget);
        }}
      >
        <label for="token">Token</label>
        <textarea id="token" name="token" rows={5} autocomplete="off" spellcheck={false} required />
        {failure !== null && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
        <button type="submit" disabled={isSent}>
          {isSent ? 'Asking …' : 'Log in'}
        </button>
      </form>
      <p class="quiet">
        You are logged in for an hour at most. Or let <code>kubectl plumbline</code> do all of it.
      </p>
    </article>
  );
}
