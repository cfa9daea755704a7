// One device, one account and one space, the same in every run: what the examples of docs/formats are made from.
#pragma once

#include "space/commit.h"
#include "tests/formats/example.h"

namespace holdfast::formats {

struct ExampleAccount {
  crypto::TestRandom random{1};
  identity::DeviceSeeds seeds = identity::DeviceSeeds::make(random);
  identity::DeviceKeys device{seeds};
  identity::NewAccount made =
      identity::make_account(device, {"alice", "laptop", "linux"},
                             {"holdfast.example/log", crypto::sha256(as_bytes("policy"))}, example_time_ns, random)
          .value();
  identity::ChainState chain = identity::begin_chain(made.link_0).value();
};

struct ExampleSpace : ExampleAccount {
  space::SpaceSeed seed = space::random_space_seed(random);
  space::NewSpace made_space = space::make_space(seed, {chain, device}, 1, example_time_ns, random).value();
  space::EpochKeys keys{made_space.secrets.epochs[0], made_space.secrets.space, 0};
  space::RootKeys root_keys{made_space.secrets.root, made_space.secrets.space};
};

}  // namespace holdfast::formats
