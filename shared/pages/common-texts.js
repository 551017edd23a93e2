// What all pages say, in English and in Chinese. As JSON, so that a test can read it.
export default {
	"session_over": ["Your session is over. Sign in again.", "登录已失效，请重新登录。"],
	"unreachable": ["The service cannot be reached. Try again.", "无法连接到服务，请重试。"],
	"status": ["Status {status}", "状态码 {status}"]
};
