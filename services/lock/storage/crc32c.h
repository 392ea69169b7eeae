// The CRC-32C checksum (Castagnoli's polynomial), which RocksDB's files use.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_CRC32C_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace holdfast {

std::uint32_t Crc32c(std::string_view data);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_CRC32C_H_
