/** How a node is wired by its own report, and what is not known of its layers. */
import type { NodeDocument } from '../../http/schemas/node.ts';
import { Fact } from './fact.tsx';

export function Network({ network }: { readonly network: NodeDocument['network'] }) {
  if (network.length === 0) return null;
  return (
    <section aria-labelledby="network">
      <h2 id="network">How it is wired</h2>
      <dl class="facts">
        {network.map(({ layer, name, value }) => (
          <Fact key={`${layer} ${name}`} name={`${layer} ${name}`}>
            <bdi>{value}</bdi>
          </Fact>
        ))}
      </dl>
    </section>
  );
}

/** Why a layer is not known, or was not looked at; nothing where it is known. */
export function LayerReasons({ layers, layer }: { readonly layers: NodeDocument['layers']; readonly layer: string }) {
  const because = layers.find((status) => status.layer === layer)?.because ?? [];
  if (because.length === 0) return null;
  return (
    <p class="quiet">
      <bdi>{because.join('; ')}</bdi>
    </p>
  );
}
