// The doors as Linux has them (Remote's is session/http_remote.h).
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/files.h"
#include "base/random.h"
#include "base/workers.h"

namespace holdfast {

std::unique_ptr<Clock> system_clock();
std::unique_ptr<Random> system_random();                    // getrandom(2)
std::unique_ptr<Files> system_files(unsigned threads);      // threads for the batches; 0: as many as processors
std::unique_ptr<Workers> system_workers(unsigned threads);  // 0: as many as processors

// Gives each of the descriptors 0, 1 and 2 that is closed an end that takes nothing, so that no file gets its number
// and what the program says. The first thing in every main(). Ends the process when that can't be done.
void occupy_standard_descriptors();

}  // namespace holdfast
