/** The formula of each mode that Plumbline knows what to ask of. */
import type { DataplaneMode } from '../../../proto/profile.ts';
import type { ModeFormula } from './formula.ts';
import { iptablesFormula } from './iptables.ts';
import { ipvsFormula } from './ipvs.ts';
import { nftablesFormula } from './nftables.ts';

const formulas: { readonly [Mode in DataplaneMode]?: ModeFormula } = {
  iptables: iptablesFormula,
  nftables: nftablesFormula,
  ipvs: ipvsFormula,
};

/** Null where it is not known what a proxy of this mode should do. */
export function formulaOf(mode: DataplaneMode): ModeFormula | null {
  return formulas[mode] ?? null;
}
