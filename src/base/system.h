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

}  // namespace holdfast
