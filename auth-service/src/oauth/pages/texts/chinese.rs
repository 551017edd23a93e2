//! The pages in Chinese, in simplified characters.

use super::{Around, Notice, Scopes, Texts, Unit};

pub(in super::super) const CHINESE: Texts = Texts {
    tag: "zh-Hans",
    error: "出错了：",
    span,

    sign_in: "登录",
    to_continue: Around("登录后继续使用“", "”"),
    username: "用户名",
    password: "密码",
    cancel: "取消",
    bad_credentials: "用户名或密码不正确，请检查后重试。",
    throttled: Around("失败次数过多，请在 ", "后重试。"),
    busy: "当前登录人数较多，请稍等几秒再试。",
    must_change_password: "这是系统分配的初始密码，需先修改才能使用。请前往账号管理设置你自己的密码，再回到这里登录。",
    expired: "页面停留时间过长，请重新登录。",

    asks: Around("允许“", "”使用你的账号？"),
    device_warning: "请确认是你本人正在操作，且设备就在你面前。如果代码是别人发给你的，请拒绝，否则对方将能够访问你的账号。",
    unchecked: "此应用是自行注册的，其名称未经任何人核实。",
    it_may: "允许后，该应用可以",
    scopes: Scopes {
        openid: "识别你的账号身份",
        profile: "查看你的用户名",
        offline_access: "在你离开后继续访问",
        books_read: "查看图书目录",
        books_write: "添加、修改和删除图书",
        auth_admin: "管理所有账号、会话和密钥",
    },
    sends_back_to: "完成后返回",
    good_at: "可访问的服务",
    lasts: "授权期限",
    without_you: Around("最长 ", "，你离开后仍然有效"),
    only_with_you: "仅在你使用期间有效",
    sees: "该应用还会获知你的用户名和角色。",
    revocable: "你可以随时在账号中撤销此授权。",
    allow: "允许",
    deny: "拒绝",

    sign_out_question: "退出登录？",
    you_are: Around("当前账号：", ""),
    sign_out: "退出登录",
    stay: "保持登录",
    signed_out: Notice { heading: "你已退出登录", words: "现在可以关闭此页面。" },
    stayed: Notice { heading: "你仍处于登录状态", words: "现在可以关闭此页面。" },

    connect_device: "连接设备",
    enter_code: "请输入设备上显示的代码。",
    compare_code: "请确认设备上显示的代码与此一致，再继续。",
    code: "代码",
    go_on: "继续",
    unknown_code: "没有设备在等待此代码。请检查代码，或在设备上重新开始。",
    device_allowed: Notice {
        heading: "设备已连接", words: "现在可以关闭此页面，继续使用你的设备。"
    },
    device_denied: Notice {
        heading: "设备未连接",
        words: "该设备未获得你账号的访问权限。现在可以关闭此页面。",
    },

    bad_request: Notice {
        heading: "请求无效",
        words: "引导你来到此页面的应用出现了错误，你的信息未被共享。",
    },
    unknown_client: Notice {
        heading: "未知的应用",
        words: "引导你来到此页面的应用尚未注册，你的信息未被共享。",
    },
    bad_redirect: Notice {
        heading: "无法返回该应用",
        words: "该应用要求返回的地址未经注册。为了保护你的账号，操作已终止。",
    },
    page_expired: Notice { heading: "页面已过期", words: "请返回应用，重新开始。" },
    unavailable: Notice {
        heading: "服务暂时不可用", words: "问题出在我们这边，请稍等几秒再试。"
    },
    for_developers: "开发者信息",
};

fn span(count: u64, unit: Unit) -> String {
    let unit = match unit {
        Unit::Second => "秒",
        Unit::Minute => "分钟",
        Unit::Hour => "小时",
        Unit::Day => "天",
    };
    format!("{count} {unit}")
}
