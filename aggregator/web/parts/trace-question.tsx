/** Asks for the two ends of a way. Both stand in the URL, so that an answer can be sent on. */
import { go } from '../route.ts';
import { type Asked, tracePath } from '../trace-question.ts';

const protocols = ['tcp', 'udp', 'sctp'] as const;

export function TraceQuestion({ asked }: { readonly asked: Asked }) {
  return (
    <form
      class="question"
      onSubmit={(event) => {
        event.preventDefault();
        const said = new FormData(event.currentTarget);
        const text = (name: string) => String(said.get(name) ?? '').trim();
        const [from, to, port, protocol] = [text('from'), text('to'), text('port'), text('protocol')];
        go(tracePath({ from, to, port, protocol: protocol === 'tcp' ? '' : protocol }));
      }}
    >
      <End name="from" label="From" example="pod/shop/web-0" value={asked.from} />
      <End name="to" label="To" example="svc/shop/api:http" value={asked.to} />
      <label>
        Port
        <input name="port" inputMode="numeric" pattern="[0-9]{1,5}" size={6} value={asked.port} placeholder="any" />
      </label>
      <label>
        Protocol
        <select name="protocol">
          {protocols.map((name) => (
            <option key={name} value={name} selected={name === (asked.protocol || 'tcp')}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Trace</button>
    </form>
  );
}

interface EndField {
  readonly name: 'from' | 'to';
  readonly label: string;
  readonly example: string;
  readonly value: string;
}

function End({ name, label, example, value }: EndField) {
  return (
    <label class="end">
      {label}
      <input
        name={name}
        required
        value={value}
        placeholder={example}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
      />
    </label>
  );
}
