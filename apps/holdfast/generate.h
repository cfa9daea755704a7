// Man pages and shell completion, made from the parser's own definitions.
#pragma once

#include <map>

#include "command.h"

namespace holdfast::app {

std::map<std::string, std::string> man_pages();  // file name, roff
std::string completion_script(const std::string& shell);

}  // namespace holdfast::app
