/** Nodes by layer on a canvas: a cell is a drawing, not an element, so five thousand nodes cost what five cost. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { HeatmapJson } from '../../http/schemas/overview.ts';
import { cellAt, cellWords, type HeatLayout, heatLayout } from '../heat-cells.ts';
import { go } from '../route.ts';
import { drawHeat } from './heat-drawing.ts';

interface Cursor {
  readonly node: number;
  readonly layer: number;
}

export function HeatMap({ map }: { readonly map: HeatmapJson }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const layout = heatLayout(map.nodes.length, map.layers.length, width);
  useWidth(canvas, setWidth);
  useEffect(() => {
    const draw = () => {
      if (canvas.current !== null && width > 0) drawHeat(canvas.current, map, layout, cursor);
    };
    draw();
    // Colours are those of the style sheet, which follow the system.
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => scheme.removeEventListener('change', draw);
  }, [map, width, cursor]);
  const count = { nodes: map.nodes.length, layers: map.layers.length };
  const pointed = (event: MouseEvent) => cellAt(layout, count, { x: event.offsetX, y: event.offsetY });
  return (
    <div class="heat">
      <ol class="layers" aria-hidden="true" data-step={layout.step}>
        {map.layers.map((layer) => (
          <li key={layer} style={{ height: `${layout.step}px` }}>
            {layer}
          </li>
        ))}
      </ol>
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
            const next = moved(cursor ?? { node: 0, layer: 0 }, event.key, layout, count);
            if (next === null) return;
            event.preventDefault();
            setCursor(cursor === null ? { node: 0, layer: 0 } : next);
          }}
        />
        <p class="pointed" aria-live="polite">
          {cursor === null ? 'Point at a node, or go through them with the arrow keys.' : cursorWords(map, cursor)}
        </p>
      </div>
    </div>
  );
}

/** The width that there is for it, also when the window changes. */
function useWidth(canvas: { readonly current: HTMLCanvasElement | null }, setWidth: (width: number) => void): void {
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (box === null || box === undefined) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(box.clientWidth)));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
}

function openNode(map: HeatmapJson, cursor: Cursor | null): void {
  const node = cursor === null ? undefined : map.nodes[cursor.node];
  if (node !== undefined) go(`/nodes/${node.name}`);
}

function cursorWords({ nodes, layers }: HeatmapJson, cursor: Cursor): string {
  const node = nodes[cursor.node];
  return node === undefined
    ? ''
    : `${node.name}, ${layers[cursor.layer]}: ${cellWords(node.cells[cursor.layer] ?? '?')}`;
}

function moved(
  { node, layer }: Cursor,
  key: string,
  { perBand }: HeatLayout,
  { nodes, layers }: { readonly nodes: number; readonly layers: number },
): Cursor | null {
  const within = (next: Cursor) => (next.node >= 0 && next.node < nodes ? next : { node, layer });
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
