/** What `plumbline completion` prints: each shell asks the program itself, and shows what it says. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The text to be read by the shell. It goes for the programs `plumbline` and `kubectl-plumbline`. */
export function completionScript(shell: Shell): string {
  return scripts[shell];
}

/**
 * bash cuts words at `=` and `:`, so the line itself is cut, at blanks; 3.2 must do, which macOS still has.
 * https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion-Builtins.html
 */
const bash = `# Completion of plumbline for bash. Put into ~/.bashrc:  source <(plumbline completion bash)
_plumbline() {
  local line=\${COMP_LINE:0:COMP_POINT} out directive candidate
  local -a words
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  out=$("\${1/#\\~/$HOME}" __complete "\${words[@]:1}" 2>/dev/null) || return
  directive=\${out##*$'\\n'}
  COMPREPLY=()
  while IFS= read -r candidate; do
    [[ $candidate == :* ]] || COMPREPLY+=("\${candidate%%$'\\t'*}")
  done <<<"$out"
  [[ $directive == :4 ]] && compopt +o default 2>/dev/null
  return 0
}
complete -o default -F _plumbline plumbline kubectl-plumbline
`;

/** https://zsh.sourceforge.io/Doc/Release/Completion-System.html */
const zsh = `#compdef plumbline kubectl-plumbline
# Completion of plumbline for zsh. Put into ~/.zshrc, after compinit:  source <(plumbline completion zsh)
_plumbline() {
  local out line word
  local -a candidates
  out=$("\${(Q)words[1]/#\\~/$HOME}" __complete "\${(@Q)words[2,CURRENT]}" 2>/dev/null) || return 1
  for line in "\${(@f)out}"; do
    [[ $line == :* ]] && continue
    word=\${line%%$'\\t'*}
    if [[ $line == *$'\\t'* ]]; then
      candidates+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
    else
      candidates+=("\${word//:/\\\\:}")
    fi
  done
  [[ $words[CURRENT] == -*=* ]] && compset -P '*='
  if (( $#candidates )); then
    _describe -t plumbline plumbline candidates
  elif [[ \${out##*$'\\n'} == :0 ]]; then
    _files
  fi
}
compdef _plumbline plumbline kubectl-plumbline
`;

/** https://fishshell.com/docs/current/completions.html */
const fish = `# Completion of plumbline for fish. Put into ~/.config/fish/config.fish:  plumbline completion fish | source
function __plumbline_complete
    set -l words (commandline --cut-at-cursor --current-process --tokenize)
    set -l current (commandline --cut-at-cursor --current-token)
    set -l program (string replace --regex '^~' $HOME -- $words[1])
    set -l lines ($program __complete $words[2..-1] "$current" 2>/dev/null)
    or return
    set -l before (string match --regex -- '^-.*=' "$current")
    for line in $lines[1..-2]
        printf '%s\\n' "$before$line"
    end
    if test "$lines[-1]" = :0
        for path in (__fish_complete_path (string replace --regex -- '^-.*=' '' "$current"))
            printf '%s\\n' "$before$path"
        end
    end
end
for name in plumbline kubectl-plumbline
    complete --command $name --no-files --arguments '(__plumbline_complete)'
end
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
