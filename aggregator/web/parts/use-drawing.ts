/** What drawings of many cells need of their place: its width, and to be drawn anew when colours or the window change. */
import { useEffect, useState } from 'preact/hooks';

type Canvas = { readonly current: HTMLCanvasElement | null };

/** The width that there is for it in pixels, also when the window changes; 0 before it is known. */
export function useWidth(canvas: Canvas): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const box = canvas.current?.parentElement;
    if (box === null || box === undefined) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(box.clientWidth)));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Draws now, and when the system changes its colours. @param on what the drawing is made of. */
export function useDrawing(canvas: Canvas, draw: (canvas: HTMLCanvasElement) => void, on: readonly unknown[]): void {
  useEffect(() => {
    const again = () => {
      if (canvas.current !== null) draw(canvas.current);
    };
    again();
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', again);
    return () => scheme.removeEventListener('change', again);
  }, on);
}
