#include "server/invitation.h"

#include <gtest/gtest.h>

#include "base/system.h"
#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

constexpr std::int64_t day_ns = 86'400 * second_ns;

struct Inviting {
  std::unique_ptr<Random> random = system_random();
  InvitationKey key = InvitationKey::random(*random), other_key = InvitationKey::random(*random);
  Hash server = random->make<Hash>(), other_server = random->make<Hash>();
  std::string text = make_invitation(key, server, 100 * day_ns, *random);
};

TEST(Invitation, IsGoodUntilItsDayForItsServerOnly) {
  const Inviting inviting;
  EXPECT_TRUE(check_invitation(inviting.key, inviting.server, as_bytes(inviting.text), 100 * day_ns));
  EXPECT_FALSE(check_invitation(inviting.key, inviting.server, as_bytes(inviting.text), 100 * day_ns + 1));
  EXPECT_FALSE(check_invitation(inviting.key, inviting.other_server, as_bytes(inviting.text), day_ns));
  EXPECT_FALSE(check_invitation(inviting.other_key, inviting.server, as_bytes(inviting.text), day_ns));
  EXPECT_NE(make_invitation(inviting.key, inviting.server, day_ns, *inviting.random),
            make_invitation(inviting.key, inviting.server, day_ns, *inviting.random));
}

TEST(Invitation, AnyChangedCharacterEndsIt) {
  const Inviting inviting;
  for (std::size_t at = 0; at < inviting.text.size(); ++at) {
    std::string changed = inviting.text;
    changed[at] = changed[at] == '0' ? '1' : '0';
    EXPECT_FALSE(check_invitation(inviting.key, inviting.server, as_bytes(changed), day_ns)) << at;
  }
  for (const std::string& wrong : {std::string(), std::string("hfi1"), inviting.text + "00", inviting.text + " ",
                                   inviting.text.substr(0, inviting.text.size() - 2)})
    EXPECT_FALSE(check_invitation(inviting.key, inviting.server, as_bytes(wrong), day_ns)) << wrong;
}

struct InvitingWorld {
  std::unique_ptr<Random> random = system_random();
  std::shared_ptr<const InvitationKey> key = std::make_shared<const InvitationKey>(InvitationKey::random(*random));
  TestWorld world{ServiceOptions{.invitations = key}};

  [[nodiscard]] Bytes invitation(std::int64_t days = 1) {
    const std::int64_t until_ns = world.clock.now_ns() + days * day_ns;
    return to_bytes(as_bytes(make_invitation(*key, world.server_key, until_ns, *random)));
  }
  Result<api::CreateAccount::Reply> sign_up(const TestGroup& account, const Bytes& invitation) {
    return world.call(api::CreateAccount{{invitation}, account.last_link, account.caps()},
                      random->make<NoteId>().hex());
  }
};

TEST(SignUpByInvitation, MakesOneAccountForEach) {
  InvitingWorld inviting;
  TestWorld& world = inviting.world;
  EXPECT_TRUE(world.call(api::Info{})->invitation_needed);
  const TestGroup first = world.fresh_group(), second = world.fresh_group();
  EXPECT_REFUSED(world, Code::PermissionDenied, inviting.sign_up(first, {}));
  EXPECT_REFUSED(world, Code::PermissionDenied, inviting.sign_up(first, to_bytes(as_bytes("hfi1"))));
  const Bytes invitation = inviting.invitation();
  EXPECT_TRUE(inviting.sign_up(first, invitation));
  EXPECT_TRUE(inviting.sign_up(first, invitation)) << "the same call, whose answer was lost";
  EXPECT_REFUSED(world, Code::PermissionDenied, inviting.sign_up(second, invitation));
  EXPECT_REFUSED(world, Code::PermissionDenied, inviting.sign_up(second, inviting.invitation(-1)));
  EXPECT_TRUE(inviting.sign_up(second, inviting.invitation()));
}

}  // namespace
}  // namespace holdfast::server
