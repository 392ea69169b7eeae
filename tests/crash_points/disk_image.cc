#include "tests/crash_points/disk_image.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace holdfast {

namespace fs = std::filesystem;

DiskImage TakeDiskImage(const std::string& folder) {
  DiskImage image;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().lexically_relative(folder);
    if (entry.is_directory()) {
      image[path + "/"] = "";
      continue;
    }
    std::ifstream file(entry.path(), std::ios::binary);
    image[path] = {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  return image;
}

void PutDiskImage(const DiskImage& image, const std::string& folder) {
  fs::create_directories(folder);
  // What stays is overwritten: ext4 takes long to make files where many were removed
  // only just now.
  for (fs::recursive_directory_iterator entry(folder), end; entry != end;) {
    const fs::path path = entry->path();
    const bool is_directory = entry->is_directory();
    const bool stays =
        image.contains(path.lexically_relative(folder).string() + (is_directory ? "/" : ""));
    if (!stays) entry.disable_recursion_pending();
    ++entry;
    if (!stays) fs::remove_all(path);
  }
  // In the order of the map a directory comes before what is in it.
  for (const auto& [path, content] : image) {
    const std::string target = folder + "/" + path;
    if (path.ends_with('/')) {
      fs::create_directory(target);
      continue;
    }
    std::ofstream file(target, std::ios::binary);
    file << content;
    file.close();
    if (!file) {
      std::fprintf(stderr, "cannot write %s\n", target.c_str());
      std::abort();
    }
  }
}

}  // namespace holdfast
