// The kinds of vector files. Each function runs a whole file that has been recognised as of its kind.
#pragma once

#include <string_view>

#include "report.h"
#include "tracked_json.h"

namespace holdfast::vectors {

// Recognises the file by its content (its name says only whether it is JSON or text) and runs it.
[[nodiscard]] Report run_file(std::string_view name, std::string_view content);

void run_wycheproof(Document& file, Report& report);      // C2SP/wycheproof
void run_xwing(Document& file, Report& report);           // draft-connolly-cfrg-xwing-kem
void run_hpke(Document& file, Report& report);            // RFC 9180 and draft-ietf-hpke-pq
void run_own(Document& file, Report& report);             // tests/vectors/own: boxes, packs, derivation
void run_cctv(std::string_view content, Report& report);  // C2SP/CCTV's ML-KEM: lines "name = value"
[[nodiscard]] bool is_cctv(std::string_view content);

}  // namespace holdfast::vectors
