/** Nodes by layer on a canvas: a cell is a drawing, not an element, so five thousand nodes cost what five cost. */
import { useRef, useState } from 'preact/hooks';
import type { HeatmapJson } from '../../http/schemas/overview.ts';
import { type Cell, cellAt, cellWords, type HeatLayout, heatLayout, layerTitles } from '../heat-cells.ts';
import { isName } from '../places.ts';
import { go } from '../route.ts';
import { drawHeat } from './heat-drawing.ts';
import { useDrawing, useWidth } from './use-drawing.ts';

export function HeatMap({ map }: { readonly map: HeatmapJson }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(canvas);
  const [cursor, setCursor] = useState<Cell | null>(null);
  const [isWhole, setWhole] = useState(false);
  const layers = map.layers.length;
  const layout = heatLayout(map.nodes.length, layers, { width, isWhole });
  const draw = (on: HTMLCanvasElement) => {
    if (width > 0) drawHeat(on, map, layout, cursor);
  };
  useDrawing(canvas, draw, [map, width, cursor, isWhole]);
  const pointed = (event: MouseEvent) => cellAt(layout, layers, { x: event.offsetX, y: event.offsetY });
  const hidden = map.nodes.length - layout.nodes;
  return (
    <div class="heat">
      <LayerNames layout={layout} map={map} />
      <div class="cells">
        <canvas
          ref={canvas}
          role="img"
          tabIndex={0}
          aria-label={summary(map)}
          style={{ height: `${layout.height}px` }}
          onPointerMove={(event) => setCursor(pointed(event))}
          onPointerLeave={() => setCursor(null)}
          onBlur={() => setCursor(null)}
          onClick={(event) => openNode(map, pointed(event))}
          onKeyDown={(event) => {
            if (event.key === 'Enter') openNode(map, cursor);
            const next = moved(cursor ?? { node: 0, layer: 0 }, event.key, { layout, layers });
            if (next === null) return;
            event.preventDefault();
            setCursor(cursor === null ? { node: 0, layer: 0 } : next);
          }}
        />
        <p class="pointed" aria-live="polite">
          {cursor === null ? 'Point at a node, or go through them with the arrow keys.' : cursorWords(map, cursor)}
        </p>
        {hidden > 0 && (
          <button type="button" onClick={() => setWhole(true)}>
            Show {hidden.toLocaleString('en')} more nodes, none of them worse
          </button>
        )}
      </div>
    </div>
  );
}

/** Beside the first band; where rows are too low for them, the text below the map says what they are. */
function LayerNames({ layout: { head, stepY }, map }: { readonly layout: HeatLayout; readonly map: HeatmapJson }) {
  if (stepY < 13) return null;
  return (
    <ol class="layers" aria-hidden="true" style={{ paddingTop: `${head}px` }}>
      {map.layers.map((layer) => (
        <li key={layer} style={{ height: `${stepY}px` }}>
          <b>{layer}</b> <span class="title">{layerTitles[layer]}</span>
        </li>
      ))}
    </ol>
  );
}

function openNode(map: HeatmapJson, cursor: Cell | null): void {
  const node = cursor === null ? undefined : map.nodes[cursor.node];
  if (node !== undefined && isName(node.name)) go(`/nodes/${node.name}`);
}

function cursorWords({ nodes, layers }: HeatmapJson, cursor: Cell): string {
  const node = nodes[cursor.node];
  return node === undefined
    ? ''
    : `${node.name}, ${layers[cursor.layer]}: ${cellWords(node.cells[cursor.layer] ?? '?')}`;
}

interface Bounds {
  readonly layout: HeatLayout;
  readonly layers: number;
}

function moved({ node, layer }: Cell, key: string, { layout: { perBand, nodes }, layers }: Bounds): Cell | null {
  const within = (next: Cell) => (next.node >= 0 && next.node < nodes ? next : { node, layer });
  switch (key) {
    case 'ArrowRight':
      return within({ node: node + 1, layer });
    case 'ArrowLeft':
      return within({ node: node - 1, layer });
    case 'ArrowDown':
      return layer + 1 < layers ? { node, layer: layer + 1 } : within({ node: node + perBand, layer: 0 });
    case 'ArrowUp':
      return layer > 0 ? { node, layer: layer - 1 } : within({ node: node - perBand, layer: layers - 1 });
    case 'Home':
      return { node: 0, layer };
    case 'End':
      return { node: nodes - 1, layer };
    default:
      return null;
  }
}

function summary({ nodes }: HeatmapJson): string {
  const count = (state: string) => nodes.filter((node) => node.state === state).length;
  return `Map of ${nodes.length} nodes by layer, the worst first: ${count('unhealthy')} unhealthy, ${count('unknown')} unknown, ${count('healthy')} healthy. The list of nodes has the same.`;
}
