#pragma once

#include <string>

namespace settle::example {

/// The folder of one show. A fresh one goes away with this object, unless something went wrong: then the logs in it are
/// wanted.
class Folder {
 public:
  /// `wanted`: made if it is not there, and kept. Empty: a fresh one.
  explicit Folder(const std::string& wanted);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void keep() { is_kept_ = true; }
  [[nodiscard]] const std::string& path() const { return path_; }  ///< empty: it could not be made

 private:
  bool is_fresh_;
  bool is_kept_ = false;
  std::string path_;
};

/// Where the running program lies, and with it the others of the show.
std::string own_folder();

/// Of the gids of one show: "demo-5f03a1-".
std::string fresh_prefix();

}  // namespace settle::example
