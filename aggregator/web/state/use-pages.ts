/** A whole list for as long as a view shows it. */
import { useEffect, useState } from 'preact/hooks';
import { type LiveEvent, onEvent } from '../live.ts';
import { AllPages, type Loaded, nothingLoaded, type PagesOptions } from './all-pages.ts';

/** @param take what an event changes in the list; where its connection was lost, it is read anew by itself. */
export function usePages<Item, Row>(
  options: PagesOptions<Item, Row>,
  take: (event: LiveEvent, pages: AllPages<Item, Row>) => void,
): Loaded<Row> {
  const [pages, setPages] = useState<AllPages<Item, Row> | null>(null);
  useEffect(() => {
    const made = new AllPages<Item, Row>(options);
    setPages(made);
    const end = onEvent((event) => {
      if (event.kind === 'snapshot') void made.read();
      else take(event, made);
    });
    return () => {
      end();
      made.close();
    };
  }, [options.path]);
  return pages?.loaded.value ?? nothingLoaded;
}
