"""The words by which people opt out, in, or ask for help, by language: data for ``keywords``.

Written as people write them; ``keywords.fold`` levels case, accents, width and look-alikes on both
sides, so that one spelling stands for all. Words that are common answers to something else are
left out: "yes" for START, the Italian "fine", the Turkish "red" and "dur" for STOP.
English has the words that US rules name (47 CFR 64.1200(a)(10)): stop, quit, end, revoke, opt out,
cancel, unsubscribe.
"""

from collections.abc import Mapping
from typing import Final

STOP: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "stop",
        "stop all",
        "unsubscribe",
        "unsub",
        "opt out",
        "cancel",
        "end",
        "quit",
        "revoke",
    ),
    "ru": ("стоп", "отписаться", "отписка", "отпишите", "отпишите меня", "отказ"),
    "uk": ("стоп", "відписатися", "відписатись", "відписка", "відпишіть", "відпишіть мене"),
    "zh": (
        "退订",
        "退訂",
        "td",
        "t",
        "回td",
        "回t",
        "回复td",
        "回复t",
        "回覆td",
        "回覆t",
        "拒收",
        "停止",
        "取消订阅",
        "取消訂閱",
        "停止订阅",
        "停止訂閱",
    ),
    "de": ("stopp", "abmelden", "abmeldung", "abbestellen", "keine sms mehr"),
    "fr": (
        "arrêt",
        "arrêter",
        "arrêtez",
        "stop sms",
        "stop pub",
        "désabonner",
        "me désabonner",
        "désinscrire",
        "désinscription",
    ),
    "es": (
        "alto",
        "baja",
        "darme de baja",
        "parar",
        "detener",
        "cancelar",
        "cancelar suscripción",
        "desuscribir",
        "desuscribirme",
    ),
    "pt": ("parar", "pare", "sair", "cancelar", "cancelar inscrição", "descadastrar"),
    "it": (
        "ferma",
        "fermare",
        "basta",
        "cancellami",
        "disiscrivi",
        "disiscrivimi",
        "disiscrizione",
        "annulla iscrizione",
    ),
    "pl": (
        "wypisz",
        "wypisz mnie",
        "rezygnuję",
        "rezygnacja",
        "wyrejestruj",
        "zatrzymaj",
        "anuluj subskrypcję",
    ),
    "tr": ("ret", "iptal", "iptal et", "durdur", "abonelikten çık"),
    "ar": ("إيقاف", "أوقف", "توقف", "قف", "إلغاء", "إلغاء الاشتراك", "الغاء الرسائل"),
}

START: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("start", "unstop", "subscribe", "resume", "opt in"),
    "ru": ("старт", "подписаться", "возобновить"),
    "uk": ("старт", "підписатися", "підписатись", "відновити"),
    "zh": ("订阅", "訂閱", "开始", "開始", "恢复订阅", "恢復訂閱"),
    "de": ("anmelden", "anmeldung"),
    "fr": ("m'abonner", "abonner", "reprendre"),
    "es": ("alta", "iniciar", "empezar", "suscribir"),
    "pt": ("iniciar", "começar", "voltar", "inscrever"),
    "it": ("inizia", "iscrivi", "iscrivimi"),
    "pl": ("zapisz", "zapisz mnie", "wznów"),
    "tr": ("başla", "başlat", "abone ol"),
    "ar": ("ابدأ", "بدء", "اشتراك"),
}

HELP: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("help", "info"),
    "ru": ("помощь", "справка", "помогите"),
    "uk": ("допомога", "довідка", "допоможіть"),
    "zh": ("帮助", "幫助", "说明", "說明", "求助"),
    "de": ("hilfe",),
    "fr": ("aide",),
    "es": ("ayuda", "información"),
    "pt": ("ajuda", "informação"),
    "it": ("aiuto", "informazioni"),
    "pl": ("pomoc", "informacja"),
    "tr": ("yardım", "bilgi"),
    "ar": ("مساعدة", "معلومات"),
}
