// What may stand in place of the last word of a command line. The scripts of the shells know nothing: they ask the
// program, whose definitions say it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "value.h"

namespace holdfast::command_line {

struct Candidate {
  std::string word, about;  // about: a few words beside it, or none
};

struct Wanted {
  std::string source;  // Value::completes of what is being typed; "": nothing but the candidates
  std::vector<Candidate> candidates;
  std::string before, typed;  // the last word, of which `typed` is the value: "--space=" and "ph"
  std::string space;          // what --space says on the way there; empty: nothing
};

// words: behind the program's name, the last of them under way and perhaps empty.
[[nodiscard]] Wanted what_may_stand(CLI::App& app, const std::vector<std::string>& words);

// Of the arguments of `complete`: what stands behind their first "--", as it was typed.
[[nodiscard]] std::vector<std::string> words_to_complete(const std::vector<std::string>& arguments);

// A line for each that begins with what was typed: the word, a tab, what it is about. Control characters could break a
// shell's line: a word that has any is left out.
[[nodiscard]] std::string lines_of(const std::vector<Candidate>& candidates, const Wanted& wanted);
// The first line tells a shell to add names of the disk or none: "files", "folders" or "words".
[[nodiscard]] std::string first_line(const Wanted& wanted);

[[nodiscard]] Value shell();  // bash, zsh or fish
// Defines completion for the program of this name by its verb `complete`. shell: as shell() lets it through.
[[nodiscard]] std::string completion_script(const std::string& program, const std::string& shell);

}  // namespace holdfast::command_line
