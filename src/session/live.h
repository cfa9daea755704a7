// Small changes of a space's live tree, carried inside the commit itself (DECISIONS F2).
#pragma once

#include "session/new_chunks.h"

namespace holdfast::session {

// `change` gives the new live root, handing every node and small data chunk that it makes to the chunks' sinks, where
// it can read them again; it is called again at the new head after a lost race, and an error of it is the outcome. The
// same root as before: nothing is committed (nullopt). Chunks that pass 64 KiB together go into packs, and what is
// inline already is folded into packs when it passes 4 MiB or 1,000 commits.
using LiveChange = std::function<Result<space::Root>(NewChunks& chunks)>;
Result<std::optional<Committed>> change_live(SpaceSession& space, const LiveChange& change);

}  // namespace holdfast::session
