/** The layers that nodes stand on: one for each class and zone that has nodes, one for each node. */
import type { DesiredNodeTable, LayerSources } from './desired-layer.ts';
import { DesiredLayer } from './desired-layer.ts';
import type { Standing, Standings } from './standing.ts';

interface SharedLayer {
  readonly layer: DesiredLayer;
  /** Nodes that stand on it. */
  nodes: number;
}

interface NodeLayer {
  readonly standings: Standings;
  readonly layer: DesiredLayer;
}

export class StandingLayers {
  readonly #sources: LayerSources;
  readonly #classes = new Map<string, SharedLayer>();
  readonly #zones = new Map<string, SharedLayer>();
  readonly #nodes = new Map<string, NodeLayer>();

  constructor(sources: LayerSources) {
    this.#sources = sources;
  }

  /** Classes that have nodes. */
  get classes(): number {
    return this.#classes.size;
  }

  standing(node: string): Standing | null {
    return this.#nodes.get(node)?.standings.ofNode ?? null;
  }

  /** What the node should do now; null where it has no place. */
  settle(node: string): DesiredNodeTable | null {
    return this.#nodes.get(node)?.layer.settle() ?? null;
  }

  /** Gives a node its place, or takes it away. Nothing happens when it stands there already. */
  place(node: string, standings: Standings | null): void {
    const known = this.#nodes.get(node);
    if (known !== undefined && known.standings.ofNode.text === standings?.ofNode.text) return;
    if (standings !== null) {
      const ofClass = this.#enter(this.#classes, standings.ofClass, null);
      const ofZone = this.#enter(this.#zones, standings.ofZone, ofClass);
      this.#nodes.set(node, { standings, layer: new DesiredLayer(standings.ofNode, ofZone, this.#sources) });
    } else {
      this.#nodes.delete(node);
    }
    if (known === undefined) return;
    // Last, so that what the new place has alike with the old one is kept all the time.
    known.layer.dispose();
    leave(this.#zones, known.standings.ofZone);
    leave(this.#classes, known.standings.ofClass);
  }

  #enter(layers: Map<string, SharedLayer>, standing: Standing, below: DesiredLayer | null): DesiredLayer {
    const known = layers.get(standing.text);
    const shared = known ?? { layer: new DesiredLayer(standing, below, this.#sources), nodes: 0 };
    shared.nodes++;
    layers.set(standing.text, shared);
    return shared.layer;
  }
}

function leave(layers: Map<string, SharedLayer>, { text }: Standing): void {
  const shared = layers.get(text);
  if (shared === undefined) return;
  shared.nodes--;
  if (shared.nodes > 0) return;
  shared.layer.dispose();
  layers.delete(text);
}
