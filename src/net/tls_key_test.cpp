#include "net/tls_key.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

TEST(TlsKey, IsTheSameAfterSavingAndLoading) {
  const auto key = TlsKey::make();
  ASSERT_TRUE(key);
  const auto pem = key->pem();
  ASSERT_TRUE(pem);
  const auto again = TlsKey::load(*pem);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->server_key_hash(), key->server_key_hash());
  EXPECT_EQ(*again->pem(), *pem);
}

TEST(TlsKey, EachIsAnother) { EXPECT_NE(TlsKey::make()->server_key_hash(), TlsKey::make()->server_key_hash()); }

// The hash is what `openssl x509 -pubkey | openssl pkey -pubin -outform DER | sha256sum` prints for this certificate.
TEST(TlsKey, ItsHashIsThatOfTheSubjectPublicKeyInfo) {
  constexpr std::string_view pem = R"(-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUS5u8ia+UYb9hlQrLk0RNlQd6rFswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjQyMzE3NDhaGA8yMTI2MTAzMTIzMTc0
OFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPVj
pPfYqP6OynmNJs/AzDlD2s7aTPY586EPN44q+9K5QNgrU9gujS1z8WjcVgg59bUv
nZsF7v53DNSVb+SHaLOjUzBRMB0GA1UdDgQWBBQlLxPHVIwDKscgy2OTWrz7KC2m
FjAfBgNVHSMEGDAWgBQlLxPHVIwDKscgy2OTWrz7KC2mFjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIGllCyVkgKp/QHPNkk/LFhasV5W22SBAuTwo
FslJpeQjAiEAsdg26g/MeinhxBiFbqGjdf74EJoXvKaqn8KmSsnya6w=
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNjX6vFrz0QOhtoxz
tCJt/4E22/JYQfDsMNqd4V/Wi3uhRANCAAT1Y6T32Kj+jsp5jSbPwMw5Q9rO2kz2
OfOhDzeOKvvSuUDYK1PYLo0tc/Fo3FYIOfW1L52bBe7+dwzUlW/kh2iz
-----END PRIVATE KEY-----
)";
  const auto key = TlsKey::load(as_bytes(pem));
  ASSERT_TRUE(key);
  EXPECT_EQ(key->server_key_hash().hex(), "02c71de37287d1f3769a6b74c618fea6d1775530f16e5a0dccf6a0150d199dd7");
}

TEST(TlsKey, RefusesWhatIsNoPairOfKeyAndCertificate) {
  const Bytes one = *TlsKey::make()->pem();
  const Bytes other = *TlsKey::make()->pem();
  const std::string_view text = as_text(one);
  const std::size_t end_of_key = text.find("-----BEGIN CERTIFICATE-----");
  const std::string_view other_certificate = as_text(other).substr(as_text(other).find("-----BEGIN CERTIFICATE-----"));
  for (const std::string& bad : {std::string(), std::string("no key"), std::string(text.substr(0, end_of_key)),
                                 std::string(text.substr(end_of_key)), std::string(text.substr(0, text.size() / 2)),
                                 std::string(text.substr(0, end_of_key)) + std::string(other_certificate)}) {
    const auto key = TlsKey::load(as_bytes(bad));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::Malformed);
  }
}

TEST(TlsKey, AnEncryptedKeyIsRefusedWithoutAskingTheTerminal) {
  constexpr std::string_view pem = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi2APLe/mS/yQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPJUbsoxOFf0VUrxpr04WwkEgZDf
3vVXraOrlYjkxxJV3EhFFeEewtmo8Hk3+zZQ0JqL7Wy88EEwi646OrF4B9YFY4EX
aOrhpA6zy4kDkmM7QFwnvq2RRwHxfp0nAEPLxiBvF4jlCG3fBKDt0GHvOsuw4SOg
0IpU32hcomk+AwDXbSH0R8O88iU6wOU4roBYFMYt4Z0TtT70oDRIMkeAPNpXwy4=
-----END ENCRYPTED PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUS5u8ia+UYb9hlQrLk0RNlQd6rFswCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjQyMzE3NDhaGA8yMTI2MTAzMTIzMTc0
OFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPVj
pPfYqP6OynmNJs/AzDlD2s7aTPY586EPN44q+9K5QNgrU9gujS1z8WjcVgg59bUv
nZsF7v53DNSVb+SHaLOjUzBRMB0GA1UdDgQWBBQlLxPHVIwDKscgy2OTWrz7KC2m
FjAfBgNVHSMEGDAWgBQlLxPHVIwDKscgy2OTWrz7KC2mFjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIGllCyVkgKp/QHPNkk/LFhasV5W22SBAuTwo
FslJpeQjAiEAsdg26g/MeinhxBiFbqGjdf74EJoXvKaqn8KmSsnya6w=
-----END CERTIFICATE-----
)";
  const auto key = TlsKey::load(as_bytes(pem));
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::Malformed);
}

}  // namespace
}  // namespace holdfast::net
