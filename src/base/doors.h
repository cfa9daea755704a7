// The world as core code gets it: the five doors together. Whoever makes them keeps them alive; nobody else owns one.
#pragma once

#include "base/clock.h"
#include "base/files.h"
#include "base/random.h"
#include "base/remote.h"
#include "base/workers.h"

namespace holdfast {

struct Doors {
  Clock& clock;
  Random& random;
  Files& files;
  Remote& remote;
  Workers& workers;
};

}  // namespace holdfast
