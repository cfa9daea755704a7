// What a shell reads when it starts: it asks the program for each word.
#include <array>

#include "complete.h"

namespace holdfast::command_line {

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// Names are quoted by the shell itself (printf %q, compadd, complete -a): no byte of them is read as a command.
constexpr const char* bash_script = R"(_NAME() {
  # bash cuts words at : and =, too: what no blank stands before belongs to the word before.
  local rest=${COMP_LINE:0:COMP_POINT} blank piece word whole i
  local -a words=() found=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blank=${rest%%[![:space:]]*}
    rest=${rest#"$blank"}
    piece=${COMP_WORDS[i]}
    ((i < COMP_CWORD)) || piece=$rest
    if ((i > 0)) && [[ -z $blank ]]; then words[-1]+=$piece; else words+=("$piece"); fi
    rest=${rest#"$piece"}
  done
  words=("${words[@]//[\\\"\']/}")
  mapfile -t found < <("${words[0]/#\~\//"$HOME/"}" complete -- "${words[@]:1}" </dev/null 2>/dev/null)
  case ${found[0]-} in
    files) compopt -o default ;;
    folders) compopt -o dirnames ;;
  esac
  # Of the last word bash replaces what stands behind its last cut.
  [[ $piece == *[!:=]* ]] || piece=
  whole=${words[-1]}
  word=${piece//[\\\"\']/}
  i=$((${#whole} - ${#word}))
  COMPREPLY=()
  for word in "${found[@]:1}"; do
    word=${word%%$'\t'*}
    word=${word:i}
    printf -v blank %q "$word"
    [[ $piece == [\"\']* && $blank != "$word" ]] || COMPREPLY+=("$blank")
  done
  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]]; then compopt -o nospace; fi
}
complete -F _NAME NAME
)";

constexpr const char* zsh_script = R"(#compdef NAME
_NAME() {
  local -a found names shown places
  local line
  found=("${(@f)$("${(Q)words[1]}" complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" </dev/null 2>/dev/null)}")
  for line in "${(@)found[2,-1]}"; do
    if [[ ${line%%$'\t'*} == *: ]]; then
      places+=("${line%%$'\t'*}")
    else
      names+=("${line%%$'\t'*}")
      shown+=("${line/$'\t'/  }")
    fi
  done
  (( $#places )) && compadd -S '' -a places
  (( $#names )) && compadd -l -d shown -a names
  case $found[1] in
    (files|folders) [[ $PREFIX == --*=* ]] && compset -P '*=' ;;
  esac
  case $found[1] in
    (files) _files ;;
    (folders) _files -/ ;;
  esac
}
if [[ $funcstack[1] == _NAME ]]; then _NAME "$@"; else compdef _NAME NAME; fi
)";

constexpr const char* fish_script = R"(function __NAME_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    set -l program $before[1]
    set -e before[1]
    set -l found ($program complete -- $before "$typed" </dev/null 2>/dev/null)
    switch "$found[1]"
        case files
            __fish_complete_path (string replace -r -- '^--[^=]*=' '' "$typed")
        case folders
            __fish_complete_directories (string replace -r -- '^--[^=]*=' '' "$typed") ''
    end
    set -e found[1]
    for line in $found
        printf '%s\n' $line
    end
end
complete -c NAME -f -a '(__NAME_complete)'
)";

constexpr std::array<std::pair<const char*, const char*>, 3> scripts{
    {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}}};

}  // namespace

Value shell() {
  std::vector<std::string> names;
  for (const auto& [name, script] : scripts) names.emplace_back(name);
  return one_of("SHELL", names);
}

std::string completion_script(const std::string& program, const std::string& shell) {
  for (const auto& [name, script] : scripts)
    if (shell == name) return replaced(script, "NAME", program);
  return {};
}

}  // namespace holdfast::command_line
