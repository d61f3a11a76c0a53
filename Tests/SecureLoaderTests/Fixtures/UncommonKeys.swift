// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import SecureLoader

/// Keys, made by OpenSSL 3, that take more than the cryptography library; they protect nothing. Pass phrases are `sesame`.
enum UncommonKeys {
    /// What OpenSSL signed (`openssl dgst -sha256 -sign`) with the keys below.
    static let message = "signed by OpenSSL"

    /// By `TestKeys.rsa512`, base64.
    static let signatureOf512 = "q1+6quLlBAT4GQw/6vB4lFLvWBH5Waq5CqBOKt5S3+DqdsiiPrG+5i/2FjvKKxwCLaJjEvAhqGa/S4SDVKqZXA=="

    /// By ``rsa1023``, base64.
    static let signatureOf1023 =
        "SWGmSVuQwy86nMDzgcVzsO0HwKRfy2KfSnV8v6ouAzXkiRxj1lgHWhB/mtanP863o7C/fxUamg1Za1cpmuP+5ud+NgPFJLrEkaqF6D/9om3EKN5oyz52xhPBOIgZcjdXT8671Xy1DH+exHfVNypjkrw+cUpHiyycaDuBvMEkeOE="

    /// The SHA-256 of the signature by ``rsa8200``, of 1025 bytes.
    static let signatureOf8200 = "e512ebd83698d0728e56204897ddee499b60f361384047ff4fe278e71c547d23"

    /// Of `TestKeys.rsa512`.
    static let rsa512Public = """
        -----BEGIN PUBLIC KEY-----
        MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANnYcsynZ27NS/ULaQ969VEMcLrh10hw
        kJ6IVLyYersfAP70VsxRP9vNX2beJXPgDuetUkQoWoNfkICWPJU3OOsCAwEAAQ==
        -----END PUBLIC KEY-----
        """

    /// `TestKeys.rsa512`, PKCS#8, AES-128.
    static let rsa512Encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIIBvTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIlSOxKAechhMCAggA
        MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAECBBBap6yUCvy/k+Kvnh0r/vsZBIIB
        YKHrdNkmV4V4WNCNaQOo7NwFx1clDlQHZyzd8v6ubQYT9BERg3gK63QIPv2uLb8i
        IO3i64nWfLLuw+96xQtpaFPzJUFH2LXDuxdFAtiL9zk/bTLbAJ2TszpULX/FS57E
        EfJhucl6bfSrJGUnFo/Yxl0QCJ2UbC8eBJr0mbm239xndpwC7admFCoiJiedi6nC
        uoJV+RyOmvlrU9IygF3J4Iv6L6JrZeu8wUsclgLpy3kBe1kSodnAtzk8dNIE9HUp
        i0A1IN/nJWnyj3LEsBYeEKGgLXdV+hO21ScSJhGXOubV9leG8HHI0y4nryJqO5aN
        D1rwZBIAx3uJn9vW7h1PJ9rll+lXGtmT+YdyFf6YlYWVf7FXcoThvstMlyYP9PlS
        aS1/8p4jWF+grtzqsXqxSoXg85+8mlnnvqm64pP4LfJ6UIxq+KS/hS9qQWE/ePU/
        eO+howiQV1ixzHapoPfNHTU=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `TestKeys.rsa512`, traditional, triple DES.
    static let rsa512EncryptedDES = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: DES-EDE3-CBC,F203AB6DB76613B2

        ERsUSezZ0O4pE4G0LoJ7hN6iJMK5S/n4imPocChWv//VNM2dPcpD0aytQzuOnRQt
        wbZ+yVQs9MW3L/IPJ7gQgmAvpzSOZvrb29ExCzDVi12uLCW7MLWEWM+TMpp8TZaE
        rs7q3QCTsthkMxG0FGKLSij9mZydfSdKF2XRmmD4MFu4hcu/nr4OmVat2ZsDWbtJ
        XafRBxIA17Mw5iKmo+OuIFfQgDv3HHj7BKQv4W2I+1QuSbI/XjKXOGtZvKugGBls
        wd+Gnj4IFGXcFrE4H8I+k0zHcmmtrK+s8YPW2m/JzoTqMn3cr7gSmaxuFGaPYPfL
        kb2Fdeyjk11BpFD68KEZvPP1w73b3V89ARczRo+LEx9GaJ//9ZtQlV4QsQ5inTXI
        vsbc4zv3poXr9X6qrIcy0cMdle8xK/GhAseCNhf+GF8=
        -----END RSA PRIVATE KEY-----
        """

    /// 1023 bits: a signature of 128 bytes.
    static let rsa1023 = """
        -----BEGIN RSA PRIVATE KEY-----
        MIICWwIBAAKBgGSGQW8OAPKsHd4AL9S855UigHkbD6tUxUeaMByHNqnCsZBIKKQB
        A2KkWzCOkWXr9biAbWDfVvqhTs6dLS0ClohegJ6bHrIc13eQW6oixTE9K6okkRYT
        HBkw++QBkDuBwHJqCmSyt5B67N9j+4XLTYAPY6pMsdrXeXVntWyUDi2TAgMBAAEC
        gYBav8j6lM3ORguAivKjPxZh0A/jRMbUiWa/yTZ9yqNShez+r+XgiPmhZ3bbUxl3
        xZjCw037EiTXhiA67jIGXDvACRs7KSH6ttXCdtx+2IyA3N5+tzBSyg8NCz3Y72ft
        dsBDjijDbXCj3WpzBm04nZUryjDpIuOYELX3cfyTKAb7oQJBAPtVlTEtNsOrb1Dc
        LWXwQweGTTm+OpocfMxDmHlgAizBMW8bHhEVt49Wm01w/XFPdBUJVVhMYjI+ezpi
        mP0WuYUCQGZj+nVTr+QvtpHaZdonbkgQcsChoBRGu44OR5Alb/qBGrybml/YSseP
        M9UMGmZt0JSLk1U7AJ1G/PsqVq0yqjcCQQD3CAxm1HjyY6s6v96DRl6ro6595eK1
        nPBw2LOiAOLCWHUdLnsj8cOEyGxG9pq055JCJvVSn2kY117JaSXUBKT9AkBc+3AI
        Oi5iH35BZ77U5Lf+k4lSK7SOlUlfkNImMglFyRZ5ryj63xXRsdcVIz+aQyGGtFXg
        sYs2SLAWevVppbfzAkEAq/9wD3LFLWwGNywwRQnsXGDjRIMBEYvj26/wHXjAjX2C
        tNcB7sJPNrbiNLWz1h+8tLgDxIYCz7PLadLM3JcBnw==
        -----END RSA PRIVATE KEY-----
        """

    /// 8200 bits: a signature of 1025 bytes.
    static let rsa8200Encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIISrTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQIbJ2vTgJmfoACAggA
        MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBAIl/JEuBktEUqf22NYgKaFBIIS
        UB3tJzrDDAPduK0mPMK71KZ1G1bYvO6enIZlNsOr+dElVUPJVZMQDDYw58TAWtfe
        pRzcVA872nSd6UzIYJpCTotV0+TsAyauedPBqv3Tb0e9gTKn85MTX8POm7Da91Ck
        f/RFtSD9olQYa/5/VI5nwUiwx/cbu+po5oWVO/m7ATW6X5os6Pb1BH09tVk2Cba1
        5UguecDrs9vZz9gYRW61axIsaa73Gx+INHTXY5YUALmz38oM2vWvVoVaB7rLcpF9
        KqWkieG9Wy+qJAFbtE+kJ9kyRc4CAJDxL2hIU5rSB2P6JiFHaZp40NnMJ55L1/3A
        085SdFxyE+tPA/U1hYO/mxwMJ/QgcbP0ZAeuOL3HZ1e0T41hxTBzucYBGcoH7UpO
        MzEJEQ9k5XZ05tZjLFyBLaAdOHWuc3t/X2k8xDmGYqUJEaRDrbl186kR7EHVFQ9I
        Ma2gEGfGAKzaRHeGl5Sek5tqFEBRIy+L2UZJIDmwfSO02LvKef8uT8kr6Jv0Oc01
        D8jqnfXJFbTb6Em8un+R7ls5jxHtyq8XpWGpJ9OFIlmbuWRuaQ7rlmntl2DcmPZl
        TpWaDVhEVB9OZUGjIeLjrqJdER9T6+C6xKNOxSP8NfFhH+SgjNJF+udDJzywdbZI
        g1zaR5xuqlp5RxOcLMvARft2z7fqS8SJ23rLSHZCjPkP3bHP6KMYCkbriEWkBbfS
        wa9p/3S2NHVJi+45WwiLcbftji/HdkD1IbUepW2VnGakalG99t2KsZEpjoup0a30
        C5pcOxGOQOFWkzHKGrZT7KkkGJHRYI9XEC+Vl4YyDro4UQRTXzPrasN2pTXo4zYF
        PxdNtr5wEI1xtVWTokbW59htMzJV6os2fwOa3JOm/kQqojckOTkej+3i//WDS5LX
        YGWvLs3XnSQUt6L3E+xRe1aNe7m1DM4yKGVwPJxGuBlo1kemhPghNX2eMOuAfNPX
        dmCqm8YjOJopUVR0GbJTCrCXuRR8fq5sEYLFzknXo1S/eUHLk6wv5JxHoBC0MKKb
        IxP+YuVQ5RpWuo8vnYOQ8NwT6ZY9ZMtIDldZdRX/nrBHv5FnKPE9xF4VidSq1B0b
        adt7fUyfKvszax1pcJlAsLBUibtEiFD6cL0TSccictvfrelynWKwx4vIdzhC9IbF
        lPIpYFa48EWTfvNPGPdSeXmrK2uiWeaUjGKM6qndfN6h9HGPf7BW+H8kldlsnT0X
        9dy7UzeFwdjP8Q0wVq6XMqs9+fkUyXPjTq4wUgbfYszxMtWApNidEk0qD3u7M2j6
        WEOjPmd9Fl6LyvKMgytcKWmfEQHQbEUyEMejidKiNZ3qRoPTY6QsepFsjVdFvpEF
        y1VytzlH0hd15Yt+rzRja7bgbbyeyspt4U0knK+Ic6gmD7nLCPnUVOn2obdFR4JD
        ciThZkUznNsh7ieIEkR1HJ4pqHXdZ3Qbtq6EIweU1aQPpJGsus3SFqLIO2VcSPF1
        FdNotsEzAEhKQxJeq6096LhY0RY08JBJS4yCNIWiN16pDQRvKMRCSOePRVTI4neF
        8hqoyoHKhb6q1vBFICK7WgMqr19CIHI80peFfXl9fA459Pon/I7iUD47zosk/qNA
        Wb1NYeGLrnfnKr3XkLWS/it9wYBaLn14caYTPO85M4kD4huD0/G+PSTz1CJeBQcE
        AbraxnT/cj1RXLrNZYG7hksWreM2bTyEfF2xUjsaKienptrAUPhLwxSw6aoxZQT6
        JCRMme2e/BOppNden6rhDz7fVFC+Q7ST3suhUyRy3Bec61xT02uaYxcFZeYHCDQp
        Rwv+U51qAjdQgDIfc5EPwD5huahywxB3Dz0kPojoe87v6D5nShKGNf3QHMMYCHpH
        bJ8wL9ZhSQDzEH3Ye1arOhmMXqvWhQP1FXyNM9OqLBRHZ0/Ov2o7h3Alz7B0umkT
        JAx9pwydMaSIGxahuZqwTm5gbC4F+OoIYWePrtlzbP9qZF43iFqE3OmxAyZzikBO
        cdPWH/ofeZDqSM82X1Fiv4Piy4J45EkDOsQ1r8jkSQOeuNUGzNyldhL8C5zpxOS8
        TzALlVm/rH1EJJqbUSog3qPMnS4zKSqTfmRzv0Ov5/JHo9tZpPh6UHn3gJR8pZ6s
        F2ooMHp1AiAQm3o6qsc2Gz8/AK/4mAxQKSV1tZcSEbZGarhYT6uZBKP5YaPLJJE9
        MCKG6tcQSByFeAnXkKAs42HpmAAWwzKM/sGrtvX8Tbb0OgZP8WqiwI1BO+URWdfj
        NLMD/dIYzpaN5gQoj3o8n2g5/12vsYjnpQjEejW8qLbwqnPLdT+tsFhjvGYhVO2+
        GZny8ok5QTa2enrYj5pKCLUAsnD8gE/mPO2uQ1BxZqqw3T7TlyGoaK/a+AcHQK/s
        7WsoK7rfH6OhKC67uCTTFmS1Skixj1kX1hu+DkwxEiMk57vC9/77jJr1iqKXFKaA
        oOovRo+/5ZkHVpjR32Y1pAhk+zWcoZcARN69fA6xtepokSNt5JCniiizq/2pprCV
        WAv83tf+6iPLWK/edzgxYCvs9ej3zDumseVn67Vy2cap36lGgK67BgvlDw1NlD4F
        1jyhK73b4w1C6qcm5qzbmhCbdCA/GUcRTF9rSiy5iu8DbSeJ9jnE7tE99sBwOtG9
        YOOcvtaeZ34nGuJ0OOxAJc0iZ1jSZ3sUB0XSo0o+PBMdlCalpG6DVGCN8HClb20S
        I2mTCwQ9cErZc0/gYx5SZU2A9EEld59kw2pD9ccIpjEpJEN0mdlP3qwVyVvhPsRr
        8E2lEIB1RoEIptz8Snnt5Fr9BOXm8D5EHyYpFZ3Mx1B6UMjGPFHMtSD/mylXiPs3
        VvnS7gpEBBPyGJr26CtBDagaZ/doFNeBcK+iPuwkOmnsSlio/cd99CuJFgnPK7Ju
        3ORxwckqhGqAfbqzFfqXSWVsKcPM6MdXTeHbBhAcJ5z3ebxgwuxbBuL23tx6CphT
        qVuI2XyviWwvj/IFiJaV/JjQ12zeDIAwowdqhI6FK61smV11WI/zqkYha+AHUlPw
        qfUEBTZ50wPkTeQuPvSbOOfQL3JhZP3TSnGv10OvECcFaGWg4Cmk6MrkW0hcTLaa
        K5gfwYPtV3HdCYaP3hohM88unwuMDwYRHHvF5OxjCA8QXmjAEwRo5kAt3XYMlUTZ
        hV5m/8vk3u8UkpaBSKwUw2t3RnNoHjI/cabAxeoJlmvppL2kluiRy82BRZKXQdur
        +4a4Mo0YZOXFiVaJxxXHfbC4eKTQttpesYGVND/rC3xzjmXPwYkeiZrJ0bnvoxeE
        +OK5hyMVkz6MaoP5egsjPAlYcNhlS2GvSbDGHE3jjhyc81ufygbdo6tJtnnnoFR4
        prIKHV3lf0KvhDf1BTBY++SDqdwPPWZJic4Xme1JPhvL9r+Z96oBzYGf6IxXFFYG
        Xzg2e1yBScsiDTNAIyln+vp03NuR5nmXSdvOw73IK1eCXicP99apo+hcj7rD1xK4
        dgJK43oiJ5smqSbzhhvBRAbSF+IgoTDQqTmOSOsjgp7KfXAxh3OGC+vYog7Bss4a
        00FI7Vc/+mpC3uLiMfocp2l8gUw6Y68TCof/wErfwjVNZK+Qtx1iXYjh2HdaCAo/
        go6mhZJ7V511HcXDNXXLHbwdHLww3Yt0Xl92EaVzhKL6EcHHotZRdqHOTbEHTlYM
        XcIQNidL2AOJM8VeBy9X66ESx11yHunEYxaoAdGsFOc3BVwT6PLRKVoyqVuSfOOY
        W+YgmfpZNRgmDbruH/aJmMFaMAd5kN6Pdy78ahC8Uo+UvgKbInR6OIzAnzzxmxnD
        Lo3irdI2HhOFidcmmU1ftTflu2jUDpCpWcPq0ADyQM5nvUESEYytNriiAK1xS88X
        1RefJ8/pFX/uRaHPo7Tj/a0gnbEeX8FVg93EnLhiNkJW2a49Gdetph25I1PHmH1Q
        eVrWmqgcvJoRicDTdg3ter5Y6gqbuLuDzCFvF2A5nH4cmfkNf+omvNJrHmpFI8MJ
        gkVmDNpFpCROtbPpsC5DycUJjnhlGOfEOzxMF1Paq8mTaP16ka/C/ydMmJXiiClD
        LNp5X0ACNaSa/VhV+uhlF8RwQ+MLZIVE0m/JRiiVhc+NSR6m1yxVF2zU9clMZ8SX
        gX0/Oy0fNCEBNsMBkYS5KqKaA16x9yWtoCyY25m1LzlFjYF5aR5/cTtsr9/WuQhV
        HyypEuZj48TGh5ucJ75/SUWcWAqUgFSUfcA24VHhvxbOXK8wlyGTSf8HIwcKlnOB
        xdM7PTWSJOXyUMQQUk+d6DXAIUCiMqGEJBZT2MkM5i1IZRZHbfMEgf41o1eTe2Yj
        iYQrZPbjFqjtHjT9ajC2f7eD5K6XiW+lgZrO4WWZVsEUf10Tci1P93K6itUxfqfL
        /rCASyQKEH96DOGistgFZl2r8aAgxUykRz3yKfkJHj7CgEGVDgdyGMKFN6jZC6gL
        Lqu4ZtCcF1c+0sYiUbwFDT3zzCWEMj+8J3E6f7bXvzIM6tLU40XHdjHs/a59ITQw
        zL0MXpDtJdkmPsBSlj2kkHCWSDFyPDzOZZ7LiPzutJafRsc2ld9cB4bIarwrlavb
        QUIBrfa8AW2nPIM9cwvkRH4wdK4rrGtZ+dWvX0GAdJpGUf+afixRrZ4gA7toxeYi
        fYPp0JGfj8J5Vo8PGuGwQlr9szoOwkQiwDwDT5ZCyEFNYsEPtHncm4rg0OtX1uo2
        Nbs9W/l/f5lZzUbw6WDFztmqMbTMYpb24WXEWeAa2LfWMRlRcM6+3h0gFc/DkqOx
        fb+g8fs6Y1DuW3H768E6QSc6S9cKP8bI+P5YJUI0k+DWmC44yVabxlEuTHqwUq12
        bhQN1Mv95Jd+zwwMD8/fPKuYYf8WgsEuHtkO++SgMoEKyryJ6fHBmtoASZAGvY9n
        F2t7B96RyJ7m/RnPNOaAJsdWTo3eBNo5XHjdlK9e4oyB3LHKbP23GIcS6aIapnzJ
        /uk1dRNC7x2we70Z0BXXew0tg3BhCTZtcWRIu9zwSPWUn3Pb1ZG0+/rCXdNK6gLy
        W3J2D8ykCVcQmuo83HSPRPbYdMQwVH39TpnbbPHLqOMxN09Y6VyzEioa1O8Wrlm/
        nWD/ClXEn+ghSCq7LqJDPiBClHRZySFAqHo4HmdRh+90UWbtSErS+VGDKyPevmDm
        QS93uiiDZKBR/TT8qn6tWML2aa3JGZY0KxpJqQloGYuhFg1CVIyvPI7iRndE4qCn
        i9U2ZsTMk3irGzAqR5fQWY+De0CfgxR39HVJU6LqoqiIceSY+s58no6CuRMg1d+v
        IvUUR3eZIASWouApF08lMxobwUNGoUprn4EwZp5kOGbby2ROaQ3FiXQtpHA9bm8h
        So5TNYaHkMc76P3QXdDH2QzuU9A3cX9zke+D8fGD671P1l3vsPNMKdNQmf9PLC3g
        itm/rle/n1NEK4loUdBWTUnUmWI8FwL5JvyK0ahI5a4rlgNyYUPVebVULf56czr4
        aWHN6hs0hXgRCKt5TUFMa7qipvYp0RXbOrFmegIRhHEhab4OUNXPo68vhmaED4ak
        QyBM3rp3hn4hHCUln2koZ72AccztkvWokyTXT0Xq6xZKbpcW/MiAhXXuf3dFJGNm
        XceyUCRY09kbhPhYMc8p8wx6G1hdX+5VmfG00jGmGe85+x6h24lKYU6NG/AQFMbu
        /kEFAVRimwrvi+QXtunGcpxgwB+3OB5clIUN659odPojE/zFtwfPd8U6kDWY0mGT
        h7O/avKb38U+Ar8IElY8vjSV/AVOjHgVyZSW59O1SX2J/ogD4Arten2cybRO4pJb
        6I3XLdMs+XvZ7DMLdvaX6sTr2lhQ+95j1SiYE80mt+5FLV6errkFM1OflUOHNqwz
        98J6RRFECkjY0ltGcb6sN+1IaYlEh7IAcaSYFy5QnnBlji1hhafpHmfr34x2oJuU
        AI7HCW3e1vRRZ5ZqfR43K6p+WipV5sIigraCh/di2E/CRAUQlT2XfSLbwLZ/te/w
        JbFLsyjJxBBFVK2QDyc25ciHx68ooDPlefjPhlRzq0bDAQuOtZKmPiUXPwqt2nsQ
        su063Wam0AMX9OrVB0kLYM8xHJg0KNSUlg7/nzdCParv6AYC1yLkcrWA1X27kqUa
        2HzeaUL8RbBbslnlECG/EbExwj+L1TkfVQ5br7KWs/ZbzV5Hr0BynAjn673no3Zp
        ucvLRe8OqxRnnY/3S2k471XXFgAuCGs9RQ6sykO6gQF7RbZolGDl6WR+anbzrHKh
        u9vEF3FEuUAX2B1Kj91a1sz9E38kWr7jCFbUWsxc4Gvg
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `TestKeys.rsa`, with HMAC-SHA-512, which the library does not derive with.
    static let rsaHMACSHA512 = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIIFLTBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQImaZU3ZZv6EoCAggA
        MAwGCCqGSIb3DQILBQAwHQYJYIZIAWUDBAEqBBD1qHmCarU2tATnQ0LaJV6pBIIE
        0JzVItxNvmj/Z8Ysfk8ODMwidRGSZihxSOVFOs+YHs9mEhiI0V+Erf0eCsIrnn1C
        BfXzqqcFhkjnjtKcf5a/PQo5IBgJBqtmcqIb+DCaTJSZv78RCCanm3qhMZcvTP/w
        eAfI/FO+a1TwMYg8LkxNkVXZxdq0EHFaiToVJF6NSPRypBSQqph2uMP5lX7H5058
        YYQzRsgAQmACo6z2WVUNvIgqbK2kSH5LdTcrhvoccTn+dOjCKGPamv820AHk9HX0
        wodVAdl0n7CGf/5sKHP+h9UvIP1md1IYYT9oxST18Z8rsPBcW/TkDb53tumMWB5O
        8cKO0Dp/pUetz3QX5ONm6NXee9Guo/9Plr8DoTpGpkSYkZiV+Kx8VPKOE8/6RVhc
        zpYNnLteDCyA8T1Q8Z+XtxGk7tEsDqkiE3qBybMWIOX5vxDMBfQGQkNytt5pE+Yh
        0MNYymYsQoALOcImAHtY29EGLfOchkhWhuws1XvHkav+j0uqRdYjeqCzJiHmZOOc
        N/5sR9G18YGS1bZa3FaX0x6g3h51GCQM8+N+wn6UtI0jMKmd+0QBFdSEQnk00dzn
        aWCrdb/mLfIHY2PvbRjCQN9yEaMttfZOt6qvzyC9/DeT5gk9lk/C0reG3Ds1B8iq
        94Qyof+snwabZ0SY90inmOGYe6LKMDCWqmEVBD0Ln5qDm/rhwUtXDsiAEtjs+lJj
        x+8VuvyP1n21zZqenjXHifrtX9IAEhSyR6mzM7HWtNDSV1OMdZAEWKU/preCGy1D
        +3yoIscpGJ6JTAmNOPgV6AgErTGI6iwtsujtYmoWTmiEcwPRrMonjipgKSg0pwCB
        m5NFmc2Ydl61DGq1QdBD1IOaVUn5V2SH+Y/AmZe5M1kW9+Cz9DBqrCvtrJGwdfoF
        mIvVf0DdR9UD7Uiy7Vm9+7hjn+gUkY+89NQVf9teMiW9x4+5fI405SOlQ1VFNhtX
        vS0/dACKk4Ar+6WAnV1xFcjYorM3F5URc1VLDAiTM3CMEAK28q+gWV2t1KNwUZhQ
        ToIxDwQ7GinbctKCY+p6mtICs3Tc5/FK70sPxbAYNbcQ+/lsGLIC28LFcf4H+BSw
        VZNSnjyyVq9NhT3xLmSfYkrI4JaiGfVHMLcBBNhWCNvMt9XufHhnTZ2iuVkalZ89
        /T3BcCIB/0S7sMBLs9qBx48Yx+UkNDLDod5BEVoNaPuzVjb1rnzPfMqlHlkZkhb1
        cHLlkz9zNVjAYXv6eFudNq3PHeVwSqnmuZROq2VxRO+l5tM8e8OvlqxnZwwtUlUT
        tuAdwJ4FHgkM5GUsEk77uhc2lJRk+uPdejrAk1OZwz0V6EyQlMZ5a7lFeqqngQtC
        9+WPrZOwZXr9Rpq9HdTCKJwPkYfsaqKbluh/08SUZ/xMt44+bgDbojqnwAadZbvo
        bw0O4u1XFnM2NA2CPGnKAlGEeMzqdHBPeh1CaDPHlyHDX4Bx4ITGRzueUBjfgoE6
        JrhPbEjka+brEMU9WLb/OCPCG3qbWWPyRejUPVi9GZodF/j1ITp70lgd5RPxplCs
        yqoFO5pdDKVXaJd1uqS1FSgNWjwC6w0PY6RzOhUTeBuGfTn6ss1GZR9oBFCgu/OU
        NQ8dusoFjajyOF52JuVfQ1RUSTcX245zhIhmZWSfHnNJ
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `TestKeys.ecdsa`, triple DES.
    static let ecEncryptedPKCS8DES = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAg0hnzQPiCpHAICCAAw
        DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQIlOBbgcDE3JMEgZCX1NRBqGV93ei3
        0hiJu1Vm9xoqiKhzMhVkhFaM+pzh7xVxuVc1h9UMNlnZrmDAS8WaWDgWjjwhDB9P
        EMjAO8/R/DudhtIlITFjadJJRm45tRF3OMSSccCJ8r+OWWKSE/XnkP9ohmEHl4wM
        lTLD32YPj1MMlrpMZTvf9wpU5cLdmRHRjf8LLiVqBPT+Wy6KNlM=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    /// `TestKeys.rsa`, in a cipher that is not read.
    static let rsaCamellia = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: CAMELLIA-128-CBC,DBAE480F0A071606202112E931077AAA

        UQmJaVci63RkuaYH+1Uy9prwkHrhQ6RJwIv88fciIrcpPvGEFF4woqgBHIDotMdN
        yZQMJG6lheQvLZFzJ35y/rUaIlEic2Hk9I0vAaKW4XOmiMlqdWKRK1lDIC69Y6Rc
        FdG6tKLeHibpIE+qsyDuQ/QDQH0C95tIDrP04lWkYDAog0g75AMVpOdY6APFjRFZ
        LVDJZzgE8ybwREpOVB/pN2ZgF5dEC70QG8HHdjl28jXr6FgvkK4FprnsjrfOleDl
        ONMw2nz9sGENfIm1kxXyyO1NlbjgAk0xrnoplGcSZWLafEu4UP6Wve+dfgDx0HRr
        AaxlAiTklXNmkZWXpFUEobLDLRH+cy99UndQd5GzqYvttGiE0s8zr1736rsvsKNu
        cSO/alunrwB6ADdpQU4iVLyVlfssr3aqG+dIFUWHi2uMeR79TKplPOhjMJkKqeFD
        DEZ3CJAVA2mnDst5Px2BNaHemB1KG94auxSFhGMR1mM3pQwUFSSLE8GmSCRnQQg3
        urAl0qJ/NEuDH2tUF05giQ/7qoQjfkfNssKFi+GWzDMUH4d0xMxfF+KuPkdKlP6C
        pWRZNmBw1DiYqTxKSvJY7fW1A+u4g9qYdqU2H2yRTNW0ruadDN2/JGP5vKjFCTxh
        1lU4aeU82bfc4ejDvSRe4WXzcCWJivkjdarKzvBT9243ULZBgtkqIK1LN3z975GY
        F1QHQ5a54XuSGKGPu3IXet645KSxs8nnAz8ekMOV+chh92mDoNucX2sqTtPzWBa1
        JbeMaEvVa1SB3UfhUQ3pnnJmcwYJBa309GJ368qnXNSxbX3YiL8dPGuOERe1q9nD
        TnSSahJHlJWO3tUt+5P+R04Il/CoUnTAOGsTlOQanadVuklvR5135oD5B4QALCpM
        DPZsISjVvwVn5+h8K8bWTXX6M2ybk/dv1j+iLDamlLL8702i1w8dPq7dnV1RFVnF
        Eqm95uwx6y1ju7C8HP6tz2wR/Xy7gowjDH778ajmmQBwRvKVsidaN0DhbnXov4De
        6xiD64r7wLy4b284h/1+pcAiUir/qbiEsrW2HvDKbuXqs447u+TV7eOyN3DEoCzI
        EglZroy80EYZ3YWag6od5Kk4RudYzKss5J4PR0b9/931gBxF1b0ptOaPiZsXYLCK
        GBQK+NoAm+/lCyKBWlXMDK2FTd0wfZuiSUacSl7KnkdO2gQLJ6Di3WuRTO/MwbKE
        SL2Mjg25dy5t1woCxF3sEmHBeDadugBmdM/MWMdvuXHGeUaUo1AlXaBK9vjIdmPW
        vv7DkLjjQpH0a6C+MTIFDbRUMuD0l3J18mWjcmDznP76WqB8OH9VS/o/t7n18Qpn
        OaFJFal3qimJVksYSD5zmDe5WXp0ItiTMc4ECaIYoKzBLsyFzWIzk9cZI1a+NZFE
        9Ybk470tAgLMlf1ts/tTy2eK4+CRwx7dAmxdLRRw8M4aTtKA0FEYi6geoQ8vl5md
        GNz0dtSQggwNwqIh1yUMrrjS/53JOid6ltutLl5k2RXokdT9Xn0yUI70wvBoaMjb
        pEouQ+/qCrnvKn01ij2BbzCZolwSTSzxdpooQNEQqjw0VTeSxeGHZCz2iKRjIULt
        -----END RSA PRIVATE KEY-----
        """
}
