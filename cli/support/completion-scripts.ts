/** The name of the hidden command that the scripts call: after `--` come the words so far. */
export const COMPLETE = '__complete';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Without a match, the shells complete file names. */
export function completionScript(shell: Shell, fileOptions: readonly string[]): string {
  if (shell === 'bash') return BASH;
  if (shell === 'zsh') return ZSH;
  return [FISH, ...fileOptions.map((name) => `complete -c fronttcp -l ${name} -r -F`)].join('\n');
}

const BASH = `# fronttcp completion for bash: source <(fronttcp completion bash)
_fronttcp() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$1" ${COMPLETE} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _fronttcp fronttcp`;

const ZSH = `#compdef fronttcp
# fronttcp completion for zsh: source <(fronttcp completion zsh), after compinit
_fronttcp() {
  local line
  local -a candidates
  for line in "\${(@f)$("\${words[1]}" ${COMPLETE} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n "$line" ]] && candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#candidates} )); then _describe 'fronttcp' candidates; else _files; fi
}
if [[ "\${funcstack[1]}" == "_fronttcp" ]]; then _fronttcp "$@"; else compdef _fronttcp fronttcp; fi`;

const FISH = `# fronttcp completion for fish: fronttcp completion fish > ~/.config/fish/completions/fronttcp.fish
function __fronttcp_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] ${COMPLETE} -- $words[2..-1] 2>/dev/null
end
complete -c fronttcp -f -a '(__fronttcp_complete)'`;
