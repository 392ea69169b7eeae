// A directory for one test, and the files of a directory as a value: to take what a
// crash would leave, to damage it, and to put it somewhere else.

#ifndef HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_SCRATCH_DIRECTORY_H_
#define HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_SCRATCH_DIRECTORY_H_

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ios>
#include <map>
#include <string>

#include "gtest/gtest.h"

namespace holdfast {

// Removed with everything in it at the end. Thread-compatible.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string path = ::testing::TempDir() + "holdfast-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// From the path within the directory to the content. There are files and directories
// of files.
using DirectoryImage = std::map<std::string, std::string>;

inline DirectoryImage TakeImage(const std::string& directory) {
  DirectoryImage image;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::string& content = image[entry.path().lexically_relative(directory)];
    content.resize(entry.file_size());
    std::ifstream(entry.path(), std::ios::binary)
        .read(content.data(), static_cast<std::streamsize>(content.size()));
  }
  return image;
}

// Replaces the directory with the image.
inline void PutImage(const DirectoryImage& image, const std::string& directory) {
  std::filesystem::remove_all(directory);
  for (const auto& [name, content] : image) {
    const std::filesystem::path path = std::filesystem::path(directory) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_STORAGE_TESTING_SCRATCH_DIRECTORY_H_
