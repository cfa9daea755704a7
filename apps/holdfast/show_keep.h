// Values of the verbs that keep a space for years (verb_keep.h), as text and JSON.
#pragma once

#include "show.h"
#include "verbs/export.h"
#include "verbs/unforget.h"

namespace holdfast::app {

std::string text_of(const verbs::Forgotten& forgotten, const Command& command);
std::string text_of(const verbs::UnforgetDone& done, const Command& command);
std::string text_of(const verbs::ExportDone& done, const Command& command);
std::string text_of(const verbs::ImportDone& done, const Command& command);

std::string json_of(const verbs::Forgotten& forgotten, const Command& command);
std::string json_of(const verbs::UnforgetDone& done, const Command& command);
std::string json_of(const verbs::ExportDone& done, const Command& command);
std::string json_of(const verbs::ImportDone& done, const Command& command);

}  // namespace holdfast::app
