// As a browser runs it: shaders keep what they reach within their buffers.
import { compare } from "./gpu/compare.ts";

compare("on");
