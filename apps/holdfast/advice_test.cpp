#include "advice.h"

#include <gtest/gtest.h>

#include "show.h"

namespace holdfast::app {
namespace {

std::vector<std::string> verbs_of(const CLI::App& app, const std::string& above) {
  std::vector<std::string> out;
  for (const CLI::App* below : app.get_subcommands({})) {
    const std::string full = above.empty() ? below->get_name() : above + " " + below->get_name();
    const auto deeper = verbs_of(*below, full);
    if (deeper.empty()) out.push_back(full);
    out.insert(out.end(), deeper.begin(), deeper.end());
  }
  return out;
}

TEST(Advice, EveryErrorOfEveryVerbSaysWhatIsWholeAndWhatIsNext) {
  Command command;
  const auto verbs = verbs_of(*make_parser(command), "");
  ASSERT_GT(verbs.size(), 20u);
  for (const std::string& verb : verbs)
    for (int code = 0; code <= static_cast<int>(Code::Internal); ++code)
      for (int about = 0; about <= static_cast<int>(About::snapshot); ++about)
        for (const bool live : {false, true}) {
          Command typed;
          typed.verb = verb;
          typed.target = "folder";
          if (live) typed.place = "space:path";
          if (live && verb == "backup") typed.every_s = 3600;
          const Error error{static_cast<Code>(code), "it failed", {}, {}, static_cast<About>(about)};
          const std::string what = verb + ", " + std::string(name_of(error.code));
          EXPECT_FALSE(whole_of(error, typed).empty()) << what;
          EXPECT_FALSE(hint_of(error, typed).empty()) << what;
          const std::string text = text_of(error, typed);
          EXPECT_NE(text.find("\n  whole   "), std::string::npos) << text;
          EXPECT_NE(text.find("\n  next    "), std::string::npos) << text;
        }
}

TEST(Advice, WhatTheErrorItselfSaysIsWholeGoesFirst) {
  Command typed;
  typed.verb = "backup";
  EXPECT_EQ(whole_of({Code::NotFound, "gone", {}, "nothing was saved"}, typed), "nothing was saved");
}

}  // namespace
}  // namespace holdfast::app
