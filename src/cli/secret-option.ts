// An option whose value may come from the environment. As a default it would be printed by --help.
import { Option } from 'commander'

export function secretOption(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(variable)
}
