#include "space/pack.h"

namespace holdfast::space {

Result<PackDirectory> open_whole_pack(const crypto::PackKey& key, const SpaceId& space, const ObjectId& expected,
                                      ByteView object,
                                      const std::function<Status(std::uint16_t block, Bytes plain)>& visit) {
  HF_TRY(const PackHeader header, read_header(object, expected));
  HF_TRY(auto opened, open_directory(key, space, header, object.size(), object));
  PackDirectory& directory = std::get<PackDirectory>(opened);  // the whole object is given: nothing more can be needed
  HF_TRY(const PackInfo info, info_of(header, directory, object.size(), crypto::sha256(object)));

  const PackOpener opener(key, space, info);
  const std::vector<std::uint32_t> offsets = info.block_offsets();
  for (std::size_t i = 0; i < info.blocks.size(); ++i) {
    const auto number = static_cast<std::uint16_t>(i);
    HF_TRY(Bytes plain, opener.open_block(number, object.subspan(offsets[i], info.blocks[i].stored.value)));
    HF_OK(visit(number, std::move(plain)));
  }
  const crypto::PackCipher cipher(key, encode(PackWhere{space, header.object, header.epoch}), header.salt);
  Bytes pad(directory.pad.value);
  HF_OK(cipher.open(pad_number, object.first(pack_header_bytes),
                    object.subspan(offsets.back(), pad.size() + crypto::tag_size), pad));
  if (std::ranges::any_of(pad, [](std::uint8_t byte) { return byte != 0; }))
    return fail(Code::Malformed, "the padding of a pack holds something", expected.short_hex());
  return std::move(directory);
}

}  // namespace holdfast::space
