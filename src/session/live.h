// Small changes of a space's live tree, carried inside the commit itself (DECISIONS F2).
#pragma once

#include "session/reader.h"

namespace holdfast::session {

// `change` gives the new live root, handing every node and small data chunk that it makes to the sinks; it is called
// again at the new head after a lost race. The same root as before: nothing is committed. Chunks that pass 64 KiB
// together go into packs, and what is inline already is folded into packs when it passes 4 MiB or 1,000 commits.
using LiveChange =
    std::function<Result<space::Root>(SpaceReader& reader, const space::NodeSink& nodes, const space::NodeSink& data)>;
Status change_live(SpaceSession& space, const LiveChange& change);

}  // namespace holdfast::session
