# shellcheck shell=bash
# Completion of holdfast for bash. What fits is what `holdfast __complete` says.

_holdfast() {
  local cur words cword line word
  _get_comp_words_by_ref -n =: cur words cword
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == $'\t'* ]]; then
      # The command of `run`. Words with a colon or an equals sign in them are whole here.
      COMP_WORDS=("${words[@]}") COMP_CWORD=$cword
      _command_offset $((${line#?} + 1))
      return
    fi
    word=${line%%$'\t'*}
    [[ $word == "$cur"* ]] && COMPREPLY+=("$(printf %q "$word")")
  done < <("${words[0]}" __complete "${words[@]:1:cword}" 2>/dev/null)
  __ltrim_colon_completions "$cur"
} &&
  complete -F _holdfast holdfast
